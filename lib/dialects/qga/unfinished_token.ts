/**
 * The bytes of a token whose end has not come yet.
 *
 * @module
 */

import { countGarbage } from "../../base/memory/garbage.ts";

const FIRST_BUFFER_BYTES = 1024;
const LARGE_BUFFER_BYTES = 128 * 1024;
/** The last bytes of a token may come with the limit reached already. */
const CHUNK_BYTES = 64 * 1024;

const NO_BYTES = new Uint8Array(0);

/** Collects one token after the other; a small buffer is used again and again. */
export class UnfinishedToken {
  readonly #maxBytes: number;
  #buffer = NO_BYTES;
  #bytes = 0;
  /** Bytes of a long token that leave no garbage if the token is left to somebody. */
  #uncountedBytes = 0;

  /** @param maxBytes How much {@link keep} takes of one token. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Keeps a copy of the token's next bytes.
   *
   * @param isPlain Whether it may be left to somebody, instead of becoming a string.
   * @returns Whether it did; if it did not, the token is too long and is forgotten.
   */
  keep(part: Uint8Array, isPlain: boolean): boolean {
    if (this.#bytes + part.byteLength > this.#maxBytes) {
      this.forget();
      return false;
    }
    this.#append(part, isPlain);
    return true;
  }

  /** The whole token, given its last bytes; only valid until the next call of anything here. */
  finish(rest: Uint8Array): Uint8Array {
    if (this.#bytes === 0) return rest;
    this.#append(rest, true);
    return this.#buffer.subarray(0, this.#bytes);
  }

  /** Leaves the whole token, as {@link finish} has returned it, to the caller for good. */
  leave(): Uint8Array<ArrayBuffer> {
    const bytes = this.#buffer.subarray(0, this.#bytes);
    this.#bytes = this.#uncountedBytes = 0;
    this.#buffer = NO_BYTES;
    return bytes;
  }

  /** Begins the next token. */
  forget(): void {
    this.#bytes = 0;
    if (this.#uncountedBytes > 0) countGarbage(this.#uncountedBytes);
    this.#uncountedBytes = 0;
    if (this.#buffer.byteLength <= LARGE_BUFFER_BYTES) return;
    // Frees it now: the command that follows needs memory, too.
    this.#buffer.buffer.transfer(0);
    this.#buffer = NO_BYTES;
  }

  #append(part: Uint8Array, isPlain: boolean): void {
    const needed = this.#bytes + part.byteLength;
    // What the message before it has left is collected while a large one arrives.
    if (needed > LARGE_BUFFER_BYTES) this.#count(part.byteLength, isPlain);
    if (needed > this.#buffer.byteLength) {
      // A large one has its final size at once: each that is outgrown would be freed too late.
      const size = needed > LARGE_BUFFER_BYTES
        ? Math.max(needed, this.#maxBytes + CHUNK_BYTES)
        : Math.max(needed, this.#buffer.byteLength * 2, FIRST_BUFFER_BYTES);
      const grown = new Uint8Array(size);
      grown.set(this.#buffer.subarray(0, this.#bytes));
      countGarbage(this.#buffer.byteLength);
      this.#buffer = grown;
    }
    this.#buffer.set(part, this.#bytes);
    this.#bytes = needed;
  }

  #count(bytes: number, isPlain: boolean): void {
    this.#uncountedBytes += bytes;
    if (isPlain) return;
    countGarbage(this.#uncountedBytes);
    this.#uncountedBytes = 0;
  }
}
