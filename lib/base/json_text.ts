/**
 * How much room text takes on the wire and in JSON, and how much of it fits.
 *
 * @module
 */

/**
 * Text that is ASCII and has nothing in it that JSON escapes, as base64, in bytes: as a member of a
 * result it goes into the answer as it is. JSON.stringify() would look at each character, in a
 * buffer of eight times the size, which costs more than reading the file.
 */
export class PlainText {
  constructor(readonly bytes: Uint8Array<ArrayBuffer>) {}

  /** For where it is written as any other text. */
  toJSON(): string {
    return new TextDecoder().decode(this.bytes);
  }
}

/** A multiple of three, so that there is no padding before the end. */
const BASE64_STEP_BYTES = 12_288;

/** How many characters the base64 form of so many bytes has. */
export const base64Length = (bytes: number): number => Math.ceil(bytes / 3) * 4;

/**
 * Writes the bytes in base64 into the beginning of `target`, which has {@link base64Length} bytes
 * at least. One long text would live until V8's next full collection of garbage, and there is one
 * for every piece of a large file.
 */
export function encodeBase64(bytes: Uint8Array, target: Uint8Array<ArrayBuffer>): PlainText {
  let end = 0;
  for (let start = 0; start < bytes.byteLength; start += BASE64_STEP_BYTES) {
    const text = bytes.subarray(start, start + BASE64_STEP_BYTES).toBase64();
    end += encoder.encodeInto(text, target.subarray(end)).written;
  }
  return new PlainText(target.subarray(0, end));
}

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
