/**
 * A long text as bytes. A string of a megabyte stays in memory until V8's next full garbage
 * collection, which takes longer than writing it to a file.
 *
 * @module
 */

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A text of ASCII characters that is not made a string as a whole unless somebody needs that. */
export class LongText {
  #bytes: Uint8Array<ArrayBuffer>;

  /** @param bytes Nobody else uses their buffer. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  /** The number of characters; 0 once it has been released. */
  get length(): number {
    return this.#bytes.byteLength;
  }

  /** A part of it, as of a string. */
  slice(start: number, end?: number): string {
    return decoder.decode(this.#bytes.subarray(start, end));
  }

  /** All of it as a string. */
  toString(): string {
    return this.slice(0);
  }

  /** For `JSON.stringify`. */
  toJSON(): string {
    return this.toString();
  }

  /** Frees its memory at once; it is empty from then on. */
  release(): void {
    this.#bytes.buffer.transfer(0);
    this.#bytes = new Uint8Array(0);
  }
}
