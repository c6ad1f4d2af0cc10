/**
 * Finds the end of a request: one JSON object, which ends where its outermost brace closes.
 *
 * @module
 */

import { MAX_VALUES } from "../base/memory/json_values.ts";

const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const OPENING_BRACKET = 0x5b;
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** JSON's white space (RFC 8259, section 2). */
const WHITE_SPACE: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];

/** The state of a request: incomplete, invalid, too large to parse, or complete. */
export type Scanned =
  | "unfinished"
  | "no object"
  | "too many values"
  | { readonly end: number };

/** Finds the end of a request that arrives in pieces. Looks at each byte once. */
export class RequestScanner {
  #depth = 0;
  #values = 0;
  #isInString = false;
  #isEscaped = false;

  /** The approximate number of members and elements so far. */
  get values(): number {
    return this.#values;
  }

  /** Takes the bytes of `buffer` from `start` to `filled`; `end` is an index into `buffer`. */
  scan(buffer: Uint8Array, start: number, filled: number): Scanned {
    for (let at = start; at < filled; at++) {
      if (this.#isInString) {
        at = this.#skipString(buffer, at, filled);
        continue;
      }
      const byte = buffer[at];
      if (byte === OPENING_BRACE) {
        this.#depth += 1;
        this.#values += 1;
      } else if (this.#depth === 0) {
        if (byte === undefined || !WHITE_SPACE.includes(byte)) return "no object";
      } else if (byte === QUOTE) this.#isInString = true;
      else if (byte === COMMA || byte === OPENING_BRACKET) this.#values += 1;
      else if (byte === CLOSING_BRACE && --this.#depth === 0) return { end: at + 1 };
      if (this.#values > MAX_VALUES) return "too many values";
    }
    return "unfinished";
  }

  /** The index of the string's closing quote, or `filled` if it has not arrived. */
  #skipString(buffer: Uint8Array, start: number, filled: number): number {
    let at = start;
    if (this.#isEscaped) {
      this.#isEscaped = false;
      at += 1;
    }
    // The engine's built-in search is faster, and long requests are mostly strings.
    let quote = indexOf(buffer, QUOTE, at, filled);
    for (;;) {
      const escape = indexOf(buffer, BACKSLASH, at, quote);
      if (escape === quote) break;
      at = escape + 2;
      if (at > filled) {
        this.#isEscaped = true;
        return filled;
      }
      if (at > quote) quote = indexOf(buffer, QUOTE, at, filled);
    }
    if (quote < filled) this.#isInString = false;
    return quote;
  }
}

/** The index of the byte between `start` and `end`, or `end`. */
function indexOf(buffer: Uint8Array, byte: number, start: number, end: number): number {
  const found = buffer.subarray(start, end).indexOf(byte);
  return found < 0 ? end : start + found;
}
