/**
 * Helpers that write Markdown.
 *
 * @module
 */

/** Inline code. Pipes are escaped, since they end a table cell even in code. */
export const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``;

/** A JSON value as inline code. */
export const jsonCode = (value: unknown): string => code(JSON.stringify(value) ?? "");

/** A table without its empty columns. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const used = head.map((_, column) => rows.some((row) => (row[column] ?? "") !== ""));
  const line = (cells: readonly string[]) =>
    `| ${cells.filter((_, column) => used[column]).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** A fenced block. */
export const fenced = (language: string, text: string): string =>
  `\`\`\`${language}\n${text}\n\`\`\``;

/** The anchor GitHub generates for a heading. */
export const anchor = (heading: string): string =>
  heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-");

/** Joins blocks with blank lines, skipping `undefined`. */
export const blocks = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined).join("\n\n");
