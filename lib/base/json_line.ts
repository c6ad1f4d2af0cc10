/**
 * JSON for files that people read in a terminal: the log and the audit file.
 *
 * @module
 */

/**
 * Control and format characters, line and paragraph separators. JSON.stringify() escapes those
 * below U+0020 only; of the others, U+009B starts a terminal's escape sequence and U+202E reverses
 * the text after it.
 */
const UNSAFE_REGEXP = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
// deno-lint-ignore no-control-regex -- a quick test: most lines are printable ASCII
const PLAIN_REGEXP = /^[\x00-\x7e]*$/;

/**
 * The value as JSON on one line that is safe to show in a terminal. Parsed, it is the same value.
 *
 * @param replacer As for JSON.stringify().
 * @throws {TypeError} if the value has no JSON form.
 */
export function jsonLine(
  value: unknown,
  replacer?: (name: string, value: unknown) => unknown,
): string {
  const text = JSON.stringify(value, replacer);
  return PLAIN_REGEXP.test(text) ? text : text.replace(UNSAFE_REGEXP, escapeUnits);
}

function escapeUnits(character: string): string {
  let escaped = "";
  for (let at = 0; at < character.length; at++) {
    escaped += `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
  }
  return escaped;
}
