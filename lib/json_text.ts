/**
 * How much room text takes on the wire and in JSON, and how much of it fits.
 *
 * @module
 */

const encoder = new TextEncoder();
const QUOTES_BYTES = 2;
/** The most bytes of JSON that one UTF-16 unit takes: a control character as `\u0001`. */
const MAX_BYTES_PER_UNIT = 6;
/** Shared by all counts: a buffer for each long answer would be freed too late. */
const scratch = new Uint8Array(16 * 1024);

/** Bytes of the text in UTF-8. */
export function utf8Bytes(text: string): number {
  let bytes = 0;
  for (let start = 0; start < text.length;) {
    // A slice of this size never fills the buffer, so all of it is read.
    let end = Math.min(start + scratch.byteLength / 4, text.length);
    if (end < text.length && isLeadingSurrogate(text.charCodeAt(end - 1))) end -= 1;
    bytes += encoder.encodeInto(text.slice(start, end), scratch).written;
    start = end;
  }
  return bytes;
}

/** Bytes of the text as a JSON string, the quotes not counted. */
export function jsonBytes(text: string): number {
  return utf8Bytes(JSON.stringify(text)) - QUOTES_BYTES;
}

/** The longest beginning of the text, in whole characters, of at most so many bytes in JSON. */
export function fitText(text: string, maxBytes: number): string {
  if (text.length * MAX_BYTES_PER_UNIT <= maxBytes || jsonBytes(text) <= maxBytes) return text;
  let fits = 0;
  let tooLong = Math.min(text.length, maxBytes + 1);
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (jsonBytes(beginning(text, middle)) <= maxBytes) fits = middle;
    else tooLong = middle;
  }
  return beginning(text, fits);
}

/** The first so many UTF-16 units, one less where that would split a character. */
function beginning(text: string, units: number): string {
  const splitsPair = units < text.length && isLeadingSurrogate(text.charCodeAt(units - 1));
  return text.slice(0, splitsPair ? units - 1 : units);
}

const isLeadingSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;

/** The most bytes whose base64 form takes at most `maxBytes`. */
export const base64Capacity = (maxBytes: number): number => Math.floor(maxBytes / 4) * 3;

/**
 * Parses JSON keeping numbers as they were written where JavaScript would write them otherwise: 64
 * bits, trailing zeros. Those come as what `JSON.rawJSON` makes, which JSON.stringify writes back.
 *
 * @throws {SyntaxError} when it is not JSON.
 * @throws {RangeError} when it is nested deeper than the stack.
 */
export const parseExactly = (text: string): unknown => JSON.parse(text, keepNumber);

function keepNumber(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== "number" || source === undefined || source === String(value)) return value;
  return JSON.rawJSON(source);
}
