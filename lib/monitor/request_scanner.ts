/**
 * Where a request ends: one JSON object, over where its outermost brace closes.
 *
 * @module
 */

const OPENING = 0x7b;
const CLOSING = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** White space of JSON (RFC 8259, section 2). */
const WHITE_SPACE: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];

/** What the bytes so far are: half a request, the beginning of something else, or where it ends. */
export type Scanned = "unfinished" | "no object" | { readonly end: number };

/** Finds the end of a request in bytes that come in pieces, and looks at each of them once. */
export class RequestScanner {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  /** Takes the bytes of `buffer` from `start` to `filled`; `end` is counted from the buffer's. */
  scan(buffer: Uint8Array, start: number, filled: number): Scanned {
    for (let at = start; at < filled; at++) {
      if (this.#isInString) {
        at = this.#skipString(buffer, at, filled);
        continue;
      }
      const byte = buffer[at];
      if (byte === OPENING) this.#depth += 1;
      else if (this.#depth === 0) {
        if (byte === undefined || !WHITE_SPACE.includes(byte)) return "no object";
      } else if (byte === QUOTE) this.#isInString = true;
      else if (byte === CLOSING && --this.#depth === 0) return { end: at + 1 };
    }
    return "unfinished";
  }

  /** Where the string's closing quote is, or the end of what there is. */
  #skipString(buffer: Uint8Array, start: number, filled: number): number {
    let at = start;
    if (this.#isEscaped) {
      this.#isEscaped = false;
      at += 1;
    }
    // The engine's own search, since most of what is long is strings.
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

/** Where the byte is between `start` and `end`, or `end`. */
function indexOf(buffer: Uint8Array, byte: number, start: number, end: number): number {
  const found = buffer.subarray(start, end).indexOf(byte);
  return found < 0 ? end : start + found;
}
