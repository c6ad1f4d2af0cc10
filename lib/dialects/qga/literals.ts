/**
 * The values of strings, numbers and keywords.
 *
 * @module
 */

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;
/** Digits with which every number of 64 bits is told from its neighbours. */
const FLOAT_DIGITS = 17;

/** Text that is not a value; the message says why. */
export class BadLiteral extends Error {
  override readonly name = "BadLiteral";
}

/** A whole number that JavaScript's numbers cannot hold; it is written as its digits. */
export class LargeInteger {
  constructor(readonly value: bigint) {}

  /** For `JSON.stringify`. */
  toJSON(): unknown {
    return JSON.rawJSON(String(this.value));
  }
}

/** A number with a fraction or an exponent: no argument of any command may be one. */
export class Float {
  constructor(readonly value: number) {}

  /** For `JSON.stringify`: with 17 digits, as printf(3) writes `%.17g`. */
  toJSON(): unknown {
    if (!Number.isFinite(this.value)) return JSON.rawJSON(this.value < 0 ? "-1e999" : "1e999");
    const [mantissa = "", exponent] = this.value.toPrecision(FLOAT_DIGITS).split("e");
    const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
    return JSON.rawJSON(exponent === undefined ? short : `${short}e${exponent}`);
  }
}

/** Whether a value is a whole number of 64 bits with a sign. */
export const isInt64 = (value: unknown): value is number | LargeInteger =>
  typeof value === "number" && Number.isSafeInteger(value) ||
  value instanceof LargeInteger && value.value >= MIN_INT64 && value.value <= MAX_INT64;

/** The value of an integer's text: exact up to 64 bits, a {@link Float} beyond. */
export function integerOf(text: string): number | LargeInteger | Float {
  const number = Number(text);
  // -0 is 0, as in every language with integers.
  if (Number.isSafeInteger(number)) return number === 0 ? 0 : number;
  if (text.length > "-18446744073709551616".length) return new Float(number);
  const exact = BigInt(text);
  return exact >= MIN_INT64 && exact <= MAX_UINT64 ? new LargeInteger(exact) : new Float(number);
}

/**
 * The value of a keyword.
 *
 * @throws {BadLiteral}
 */
export function keywordOf(text: string): boolean | null {
  if (text === "true") return true;
  if (text === "false") return false;
  if (text === "null") return null;
  throw new BadLiteral(`invalid keyword '${text.slice(0, 50)}'`);
}

const BACKSLASH = 0x5c;
const APOSTROPHE = 0x27;
const REPLACEMENT = "\ufffd";
/** Makes one byte of an ASCII character, which the strict one makes two of: a file is long. */
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/**
 * The value of a string.
 *
 * @param bytes With the quotes, of either kind; control characters have been refused already.
 * @throws {BadLiteral} for what is not UTF-8, an unknown escape or a lone surrogate.
 */
export function stringOf(bytes: Uint8Array): string {
  const quoted = lenient.decode(bytes);
  if (quoted.includes(REPLACEMENT)) checkUtf8(bytes);
  // A character for each byte: all are ASCII.
  const isAscii = quoted.length === bytes.byteLength;
  if (bytes.indexOf(BACKSLASH) < 0) {
    const value = quoted.slice(1, -1);
    return isAscii ? value : checkCharacters(value);
  }
  const value = bytes[0] === APOSTROPHE || quoted.includes("\\'")
    ? unescape(quoted.slice(1, -1))
    : parse(quoted);
  return isAscii && !quoted.includes("\\u") ? value : checkCharacters(value);
}

/** Refuses what qemu-ga takes for no character: half a surrogate pair, and U+FFFE and its kind. */
function checkCharacters(value: string): string {
  if (!value.isWellFormed()) {
    throw new BadLiteral("a lone surrogate is not a valid Unicode character");
  }
  if (/\p{Noncharacter_Code_Point}/u.test(value)) {
    throw new BadLiteral("a noncharacter is not a valid Unicode character");
  }
  return value;
}

/** Natively: a file's base64 may have a line break every 76 characters. */
function parse(quoted: string): string {
  try {
    const value: unknown = JSON.parse(quoted);
    if (typeof value === "string") return value;
  } catch {
    // The loop below says what is wrong.
  }
  return unescape(quoted.slice(1, -1));
}

function checkUtf8(bytes: Uint8Array): void {
  try {
    strict.decode(bytes);
  } catch {
    throw new BadLiteral("invalid UTF-8 sequence in string");
  }
}

function unescape(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gsu, (_, hex?: string, letter?: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    const value = Object.hasOwn(SIMPLE_ESCAPES, letter ?? "")
      ? SIMPLE_ESCAPES[letter ?? ""]
      : undefined;
    if (value !== undefined) return value;
    throw new BadLiteral(
      letter === "u"
        ? "invalid hex escape sequence in string"
        : "invalid escape sequence in string",
    );
  });
}
