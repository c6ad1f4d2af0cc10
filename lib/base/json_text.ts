/**
 * Measures text on the wire and in JSON, and cuts it to fit.
 *
 * @module
 */

/**
 * Text as bytes that JSON takes as they are, such as base64. As a member of a result they are copied
 * into the reply unchanged: JSON.stringify() would inspect each character in a buffer eight times
 * as large, which costs more than reading the file.
 */
export class UnescapedBytes {
  #onReleased: (() => void) | undefined;

  /**
   * @param bytes The inside of a JSON string in UTF-8: what has to be escaped has been.
   * @param onReleased Called once nothing reads `bytes` any more: their buffer may be reused.
   */
  constructor(readonly bytes: Uint8Array<ArrayBuffer>, onReleased?: () => void) {
    this.#onReleased = onReleased;
  }

  /** The number of bytes. */
  get length(): number {
    return this.bytes.byteLength;
  }

  /** The inside of the JSON string. */
  get json(): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.bytes);
  }

  /** Reports that the bytes have been copied or dropped. Only the first call counts. */
  release(): void {
    const onReleased = this.#onReleased;
    this.#onReleased = undefined;
    onReleased?.();
  }

  /** The text as a string, for when it is serialised like any other text. */
  toJSON(): string {
    const { json } = this;
    return json.includes("\\") ? unescaped(json) : json;
  }
}

function unescaped(json: string): string {
  const text: unknown = JSON.parse(`"${json}"`);
  return String(text);
}

/** A multiple of three, so that there is no padding before the end. */
const BASE64_STEP_BYTES = 12_288;

/** The number of base64 characters for a number of bytes. */
export const base64Length = (bytes: number): number => Math.ceil(bytes / 3) * 4;

/**
 * Encodes the bytes as base64 into the beginning of `target`, which has at least
 * {@link base64Length} bytes. One long string per piece of a large file would stay in memory until
 * V8's next full garbage collection.
 *
 * @param onReleased As in {@link UnescapedBytes}.
 */
export function encodeBase64(
  bytes: Uint8Array,
  target: Uint8Array<ArrayBuffer>,
  onReleased?: () => void,
): UnescapedBytes {
  let end = 0;
  for (let start = 0; start < bytes.byteLength; start += BASE64_STEP_BYTES) {
    const text = bytes.subarray(start, start + BASE64_STEP_BYTES).toBase64();
    end += encoder.encodeInto(text, target.subarray(end)).written;
  }
  return new UnescapedBytes(target.subarray(0, end), onReleased);
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
  let bytes = 0;
  for (let start = 0; start < text.length;) {
    const end = pieceEnd(text, start);
    bytes += jsonBytesOf(text.slice(start, end));
    start = end;
  }
  return bytes;
}

/** The longest prefix of the text, in whole characters, that takes at most `maxBytes` in JSON. */
export function fitText(text: string, maxBytes: number): string {
  if (text.length * MAX_BYTES_PER_UNIT <= maxBytes) return text;
  let bytes = 0;
  for (let start = 0; start < text.length;) {
    const end = pieceEnd(text, start);
    const piece = text.slice(start, end);
    const pieceBytes = jsonBytesOf(piece);
    if (bytes + pieceBytes > maxBytes) {
      return text.slice(0, start + fittingUnits(piece, maxBytes - bytes));
    }
    bytes += pieceBytes;
    start = end;
  }
  return text;
}

/** A long text is looked at in pieces: its JSON in one string would be as much garbage at once. */
const PIECE_UNITS = 4096;

/** The end of a piece that begins at `start` and splits no character. */
function pieceEnd(text: string, start: number): number {
  const end = start + PIECE_UNITS;
  if (end >= text.length) return text.length;
  return isLeadingSurrogate(text.charCodeAt(end - 1)) ? end - 1 : end;
}

const jsonBytesOf = (piece: string) => utf8Bytes(JSON.stringify(piece)) - QUOTES_BYTES;

/** How many units of a piece fit, by halving. */
function fittingUnits(piece: string, maxBytes: number): number {
  let fits = 0;
  let tooLong = piece.length;
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (jsonBytesOf(beginning(piece, middle)) <= maxBytes) fits = middle;
    else tooLong = middle;
  }
  return beginning(piece, fits).length;
}

/** The first UTF-16 units of the text, one less if that would split a character. */
function beginning(text: string, units: number): string {
  const splitsPair = units < text.length && isLeadingSurrogate(text.charCodeAt(units - 1));
  return text.slice(0, splitsPair ? units - 1 : units);
}

const isLeadingSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;

/** The most bytes whose base64 form takes at most `maxBytes`. */
export const base64Capacity = (maxBytes: number): number => Math.floor(maxBytes / 4) * 3;

/**
 * Parses JSON and keeps the text of numbers that JavaScript would write differently: 64 bits,
 * trailing zeros. Those become `JSON.rawJSON` objects, which JSON.stringify writes back.
 *
 * @throws {SyntaxError} if the text is not JSON.
 * @throws {RangeError} if it is nested deeper than the stack allows.
 */
export const parseExactly = (text: string): unknown => JSON.parse(text, keepNumber);

function keepNumber(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== "number" || source === undefined || source === String(value)) return value;
  return JSON.rawJSON(source);
}
