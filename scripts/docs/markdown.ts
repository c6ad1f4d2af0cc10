/**
 * Pieces of Markdown.
 *
 * @module
 */

/** Text as code; a pipe would end a table's cell even there. */
export const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``;

/** A value of JSON as code. */
export const jsonCode = (value: unknown): string => code(JSON.stringify(value) ?? "");

/** A table; columns that have nothing in any row are left out. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const used = head.map((_, column) => rows.some((row) => (row[column] ?? "") !== ""));
  const line = (cells: readonly string[]) =>
    `| ${cells.filter((_, column) => used[column]).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** A fenced block. */
export const fenced = (language: string, text: string): string =>
  `\`\`\`${language}\n${text}\n\`\`\``;

/** The anchor that renderers give a heading. */
export const anchor = (heading: string): string =>
  heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-");

/** Blocks one under the other; `undefined` ones are left out. */
export const blocks = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined).join("\n\n");
