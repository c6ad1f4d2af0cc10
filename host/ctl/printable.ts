/**
 * Text from a guest, made safe for the host's terminal.
 *
 * A guest chooses its host name, its file names and its error messages. A control character in them
 * could move the cursor, change the title, or make the terminal reply.
 *
 * @module
 */

/** C0, DEL, C1, line and paragraph separators, and the controls of text direction. */
// deno-lint-ignore no-control-regex -- these are what it matches
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

/** JSON that is safe to print: the characters that {@link printable} replaces are JSON escapes. */
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
