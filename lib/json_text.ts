/**
 * How much room text takes in JSON, and how much of it fits.
 *
 * @module
 */

const encoder = new TextEncoder();
const QUOTES_BYTES = 2;
/** The most bytes of JSON that one UTF-16 unit takes: a control character as `\u0001`. */
const MAX_BYTES_PER_UNIT = 6;

/** Bytes of the text as a JSON string, the quotes not counted. */
export function jsonBytes(text: string): number {
  return encoder.encode(JSON.stringify(text)).byteLength - QUOTES_BYTES;
}

/** The longest beginning of the text that takes at most so many bytes in JSON. */
export function fitText(text: string, maxBytes: number): string {
  if (text.length * MAX_BYTES_PER_UNIT <= maxBytes || jsonBytes(text) <= maxBytes) return text;
  let fits = 0;
  let tooLong = Math.min(text.length, maxBytes + 1);
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (jsonBytes(text.slice(0, middle)) <= maxBytes) fits = middle;
    else tooLong = middle;
  }
  const splitsPair = isLeadingSurrogate(text.charCodeAt(fits - 1));
  return text.slice(0, splitsPair ? fits - 1 : fits);
}

const isLeadingSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;

/** The most bytes whose base64 form takes at most `maxBytes`. */
export const base64Capacity = (maxBytes: number): number => Math.floor(maxBytes / 4) * 3;
