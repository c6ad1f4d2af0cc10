/**
 * Searches in bytes by the native ones for text.
 *
 * @module
 */

/** `"`. */
export const QUOTE = 0x22;
/** `'`. */
export const APOSTROPHE = 0x27;

/** Whichever of the two began a string ends it. */
export type Quote = typeof QUOTE | typeof APOSTROPHE;

/** What ends a run of ordinary bytes in a string, for each quote. */
const SPECIAL_IN = {
  // deno-lint-ignore no-control-regex -- that is what must not be in a string
  [QUOTE]: /["\\\x00-\x1f\u00fe\u00ff]/g,
  // deno-lint-ignore no-control-regex -- as above
  [APOSTROPHE]: /['\\\x00-\x1f\u00fe\u00ff]/g,
} as const;

/** A text of this length is freed by V8's quick collections; longer ones stay until a full one. */
const WINDOW_BYTES = 4096;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const latin1 = new TextDecoder("latin1");

/** A chunk of bytes, of which a window at a time is text. Searches go from its start to its end. */
export class TextWindow {
  readonly #chunk: Uint8Array;
  #start = 0;
  /** One character for each byte, so that positions are the same in both. */
  #text = "";
  #isAscii = true;
  #wasAscii = true;

  constructor(chunk: Uint8Array) {
    this.#chunk = chunk;
  }

  /** Whether every character looked at so far was ASCII. */
  get wasAscii(): boolean {
    return this.#wasAscii;
  }

  /**
   * Where the run of ordinary bytes ends that begins at an index inside a string: at its quote, a
   * backslash, a control character, or a byte that is in no UTF-8. `undefined` if it goes on to the
   * end of the chunk.
   */
  endOfRun(from: number, quote: Quote): number | undefined {
    for (let index = from; index < this.#chunk.byteLength;) {
      if (index >= this.#start + this.#text.length) this.#moveTo(index);
      const end = this.#special(index - this.#start, quote);
      if (end !== undefined) return this.#start + end;
      index = this.#start + this.#text.length;
    }
    return undefined;
  }

  #moveTo(start: number): void {
    const bytes = this.#chunk.subarray(start, start + WINDOW_BYTES);
    const text = utf8.decode(bytes);
    this.#start = start;
    this.#isAscii = text.length === bytes.byteLength && !text.includes("\ufffd");
    this.#wasAscii &&= this.#isAscii;
    // This decoder makes two bytes of each character.
    this.#text = this.#isAscii ? text : latin1.decode(bytes);
  }

  #special(from: number, quote: Quote): number | undefined {
    const text = this.#text;
    const end = first(text.indexOf(String.fromCharCode(quote), from), text.indexOf("\\", from));
    const run = text.slice(from, end);
    // JSON lengthens a control character, and a double quote in single ones.
    if (this.#isAscii && JSON.stringify(run).length === run.length + 2) return end;
    const special = SPECIAL_IN[quote];
    special.lastIndex = from;
    return special.exec(text)?.index;
  }
}

/** The smaller of two positions as `indexOf` returns them. */
function first(one: number, other: number): number | undefined {
  if (one < 0) return other < 0 ? undefined : other;
  return other < 0 ? one : Math.min(one, other);
}
