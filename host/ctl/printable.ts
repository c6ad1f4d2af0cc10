/**
 * Text from a guest on the host's terminal.
 *
 * A guest chooses its host name, its file names and the reasons of its refusals. A control
 * character among them could move the cursor, change the title, or have the terminal answer.
 *
 * @module
 */

/** C0, DEL, C1, line and paragraph separators, and what turns the direction of text around. */
// deno-lint-ignore no-control-regex -- they are what is looked for
const UNPRINTABLE_REGEXP = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** The text with everything visible: control characters as `\n`, `\x1b`, `\u202e`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE_REGEXP, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    const code = character.charCodeAt(0);
    return code <= 0xff
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** JSON that a terminal shows as it is: what {@link printable} minds is escaped, as JSON allows. */
export function printableJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent) ?? "null";
  return text.replace(
    UNPRINTABLE_REGEXP,
    (character) =>
      character === "\n"
        ? character
        : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
