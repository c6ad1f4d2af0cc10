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

  /** @param maxBytes How much {@link keep} takes of one token. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Keeps a copy of the token's next bytes.
   *
   * @returns Whether it did; if it did not, the token is too long and is forgotten.
   */
  keep(part: Uint8Array): boolean {
    if (this.#bytes + part.byteLength > this.#maxBytes) {
      this.forget();
      return false;
    }
    this.#append(part);
    return true;
  }

  /** The whole token, given its last bytes; only valid until the next call of anything here. */
  finish(rest: Uint8Array): Uint8Array {
    if (this.#bytes === 0) return rest;
    this.#append(rest);
    return this.#buffer.subarray(0, this.#bytes);
  }

  /** Begins the next token. */
  forget(): void {
    this.#bytes = 0;
    if (this.#buffer.byteLength <= LARGE_BUFFER_BYTES) return;
    // Frees it now: the command that follows needs memory, too.
    this.#buffer.buffer.transfer(0);
    this.#buffer = NO_BYTES;
  }

  #append(part: Uint8Array): void {
    const needed = this.#bytes + part.byteLength;
    // What the message before it has left is collected while a large one arrives.
    if (needed > LARGE_BUFFER_BYTES) countGarbage(part.byteLength);
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
}
