/**
 * Text as Windows takes it: UTF-16, ended by NUL.
 *
 * @module
 */

/**
 * The text with a final NUL.
 *
 * @throws {TypeError} if the text contains a NUL, since Windows would take the part before it.
 */
export function wide(text: string): Uint16Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError("text for Windows must not contain NUL");
  const units = new Uint16Array(text.length + 1);
  for (let i = 0; i < text.length; i++) units[i] = text.charCodeAt(i);
  return units;
}

/** How many units become text at once: `fromCharCode` takes them as arguments. */
const UNITS_AT_ONCE = 8192;

/** The text up to the first NUL, or all of it. */
export function fromWide(units: Uint16Array): string {
  const end = units.indexOf(0);
  const length = end < 0 ? units.length : end;
  let text = "";
  for (let begin = 0; begin < length; begin += UNITS_AT_ONCE) {
    text += String.fromCharCode(...units.subarray(begin, Math.min(begin + UNITS_AT_ONCE, length)));
  }
  return text;
}
