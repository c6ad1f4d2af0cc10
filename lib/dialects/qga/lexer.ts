/**
 * Tokens out of bytes, for the QEMU guest agent's dialect of JSON: single quotes are allowed, and
 * what is not JSON is reported at once instead of at the end of a message.
 *
 * Requests need no separator, so only the tokens tell where one ends. Inside a string, native
 * searches jump to the next byte that matters: looking at each byte of a file that is being written
 * would take a hundred times as long, and a regular expression, which is interpreted, six times.
 *
 * @module
 */

import { APOSTROPHE, QUOTE, type Quote, TextWindow } from "./text_window.ts";
import { UnfinishedToken } from "./unfinished_token.ts";

/** What a token is; structural characters stand for themselves. */
export type TokenKind =
  | "{"
  | "}"
  | "["
  | "]"
  | ":"
  | ","
  | "string"
  | "integer"
  | "float"
  | "keyword";

/** Receives the tokens. */
export interface TokenSink {
  /**
   * A whole token.
   *
   * @param text A number or keyword as it was written; empty for the others.
   * @param bytes The bytes of a string with its quotes, only valid during the call, unless
   * {@link Lexer.leaveToken} is called.
   * @param isPlain Whether it is a string of ASCII characters without escapes.
   * @returns Whether to skip to the end of the line: the message is over a limit.
   */
  onToken(kind: TokenKind, text: string, bytes: Uint8Array, isPlain: boolean): boolean;
  /** The bytes so far cannot begin any token. */
  onStray(text: string): void;
  /** A token is longer than a message may be; the rest of the line is skipped. */
  onTooLong(): void;
}

const START = 0;
const STRING = 1;
const ESCAPE = 2;
/** After an error: see {@link endsRecovery}. */
const RECOVERY = 3;
/** After a limit: up to the end of the line. */
const SKIP = 4;
const ZERO = 5;
const DIGITS = 6;
const SIGN = 7;
const POINT = 8;
const FRACTION = 9;
const EXPONENT = 10;
const EXPONENT_SIGN = 11;
const EXPONENT_DIGITS = 12;
const KEYWORD = 13;

const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;
/** Bytes from here on are in no UTF-8; hosts send 0xFF to drop what another host left unfinished. */
const DELIMITERS = 0xfe;

const STRUCTURE: ReadonlyMap<number, TokenKind> = new Map(
  (["{", "}", "[", "]", ":", ","] as const).map((kind) => [kind.charCodeAt(0), kind]),
);

const MAX_STRAY_BYTES = 50;

const NO_BYTES = new Uint8Array(0);

const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;
const isLetter = (byte: number) => byte >= 0x61 && byte <= 0x7a;
const isExponent = (byte: number) => byte === 0x65 || byte === 0x45;
const isSpace = (byte: number) =>
  byte === 0x20 || byte === 0x09 || byte === NEWLINE || byte === 0x0d;

/** Whether a number may end in this state, and as what. */
const ENDS_AS: ReadonlyMap<number, TokenKind> = new Map([
  [ZERO, "integer"],
  [DIGITS, "integer"],
  [FRACTION, "float"],
  [EXPONENT_DIGITS, "float"],
  [KEYWORD, "keyword"],
]);

/** The state after one more byte of a number or keyword; `undefined` if it does not belong to it. */
function nextState(state: number, byte: number): number | undefined {
  switch (state) {
    case SIGN:
      return byte === 0x30 ? ZERO : isDigit(byte) ? DIGITS : undefined;
    case ZERO:
      return byte === 0x2e ? POINT : undefined;
    case DIGITS:
      return isDigit(byte)
        ? DIGITS
        : byte === 0x2e
        ? POINT
        : isExponent(byte)
        ? EXPONENT
        : undefined;
    case POINT:
      return isDigit(byte) ? FRACTION : undefined;
    case FRACTION:
      return isDigit(byte) ? FRACTION : isExponent(byte) ? EXPONENT : undefined;
    case EXPONENT:
      return isDigit(byte)
        ? EXPONENT_DIGITS
        : byte === 0x2b || byte === 0x2d
        ? EXPONENT_SIGN
        : undefined;
    case EXPONENT_SIGN:
    case EXPONENT_DIGITS:
      return isDigit(byte) ? EXPONENT_DIGITS : undefined;
    default:
      return isLetter(byte) ? KEYWORD : undefined;
  }
}

/** Whether a number or keyword may end before this byte: not before a digit after a leading zero. */
const mayFollow = (state: number, byte: number) => !(state === ZERO && isDigit(byte));

/** Where qemu-ga begins to understand again after an error: a tab does not end it. */
const endsRecovery = (byte: number) =>
  byte < 0x20 && byte !== 0x09 || byte >= DELIMITERS || STRUCTURE.has(byte);

/** The state after the first byte of a token that is not structural; `undefined` for a stray byte. */
function firstState(byte: number): number | undefined {
  if (byte === QUOTE || byte === APOSTROPHE) return STRING;
  if (byte === 0x2d) return SIGN;
  if (byte === 0x30) return ZERO;
  if (isDigit(byte)) return DIGITS;
  return isLetter(byte) ? KEYWORD : undefined;
}

/** Cuts what {@link Lexer.push} is given into tokens. Keeps at most one unfinished token. */
export class Lexer {
  readonly #sink: TokenSink;
  readonly #latin1 = new TextDecoder("latin1");
  #state = START;
  #quote: Quote = QUOTE;
  /** Its bytes from earlier chunks. */
  readonly #unfinished: UnfinishedToken;
  #isPaused = false;
  /** Whether the string so far has ASCII characters and no escapes. */
  #isPlain = true;

  constructor(sink: TokenSink, maxTokenBytes: number) {
    this.#sink = sink;
    this.#unfinished = new UnfinishedToken(maxTokenBytes);
  }

  /**
   * Takes the bytes that came; they may be reused afterwards.
   *
   * @returns How many were taken: all, unless {@link pause} was called.
   */
  push(chunk: Uint8Array): number {
    const window = new TextWindow(chunk);
    let start = 0;
    let index = 0;
    this.#isPaused = false;
    while (index < chunk.byteLength && !this.#isPaused) {
      const byte = chunk[index] ?? 0;
      switch (this.#state) {
        case START: {
          start = index;
          index += 1;
          if (!isSpace(byte)) this.#begin(byte, chunk.subarray(start, index));
          break;
        }
        case STRING: {
          const end = window.endOfRun(index, this.#quote);
          this.#isPlain &&= window.wasAscii;
          if (end === undefined) {
            index = chunk.byteLength;
            break;
          }
          index = end + 1;
          const found = chunk[end];
          if (found === BACKSLASH) {
            this.#state = ESCAPE;
            this.#isPlain = false;
          } else if (found === this.#quote) this.#finish("string", chunk.subarray(start, index));
          else this.#stray(chunk.subarray(start, index));
          break;
        }
        case ESCAPE:
          index += 1;
          if (byte >= 0x20 && byte < DELIMITERS) this.#state = STRING;
          else this.#stray(chunk.subarray(start, index));
          break;
        case RECOVERY:
          if (endsRecovery(byte)) {
            this.#state = START;
          } else index += 1;
          break;
        case SKIP:
          index = endOfLine(chunk, index);
          // The byte that ends it is looked at as the first of the next message.
          if (index < chunk.byteLength) this.#state = START;
          break;
        default: {
          const next = nextState(this.#state, byte);
          const kind = ENDS_AS.get(this.#state);
          if (next !== undefined) {
            this.#state = next;
            index += 1;
          } else if (kind !== undefined && mayFollow(this.#state, byte)) {
            // The byte is looked at again.
            this.#finish(kind, chunk.subarray(start, index));
          } else {
            index += 1;
            this.#stray(chunk.subarray(start, index));
          }
        }
      }
      // The next token begins here.
      if (this.#state === START || this.#state === RECOVERY) start = index;
    }
    if (this.#state !== START && this.#state !== RECOVERY && this.#state !== SKIP) {
      if (!this.#unfinished.keep(chunk.subarray(start), this.#isPlain)) {
        this.#state = SKIP;
        this.#sink.onTooLong();
      }
    }
    return index;
  }

  /** Whether the next byte begins a token, and nothing is left of an error before it. */
  get isIdle(): boolean {
    return this.#state === START;
  }

  /** Called by the sink: leaves the bytes after this token to the next {@link push}. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Called by the sink: the bytes of this token, which came in several chunks, are its own now. */
  leaveToken(): Uint8Array<ArrayBuffer> {
    return this.#unfinished.leave();
  }

  #begin(byte: number, bytes: Uint8Array): void {
    const kind = STRUCTURE.get(byte);
    if (kind !== undefined) return this.#tell(kind, "", NO_BYTES);
    const state = firstState(byte);
    if (state === undefined) return this.#stray(bytes);
    if (state === STRING) {
      this.#quote = byte === QUOTE ? QUOTE : APOSTROPHE;
      this.#isPlain = true;
    }
    this.#state = state;
  }

  #finish(kind: TokenKind, rest: Uint8Array): void {
    const bytes = this.#unfinished.finish(rest);
    this.#tell(kind, kind === "string" ? "" : this.#latin1.decode(bytes), bytes);
    this.#unfinished.forget();
  }

  #tell(kind: TokenKind, text: string, bytes: Uint8Array): void {
    const isPlain = kind === "string" && this.#isPlain;
    this.#state = this.#sink.onToken(kind, text, bytes, isPlain) ? SKIP : START;
  }

  #stray(rest: Uint8Array): void {
    const bytes = this.#unfinished.finish(rest).subarray(0, MAX_STRAY_BYTES);
    this.#sink.onStray(new TextDecoder().decode(bytes));
    this.#unfinished.forget();
    this.#state = RECOVERY;
  }
}

/** Where the line ends: at a newline or a delimiter, or with the chunk. */
function endOfLine(chunk: Uint8Array, from: number): number {
  const ends = [NEWLINE, 0xfe, 0xff].map((byte) => chunk.indexOf(byte, from))
    .filter((index) => index >= 0);
  return Math.min(chunk.byteLength, ...ends);
}
