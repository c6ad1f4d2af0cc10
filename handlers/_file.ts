/**
 * What the file methods share.
 *
 * @module
 */

import { giveBuffer, takeBuffer } from "../lib/spare_buffers.ts";

/** The unit of `max_file_size_mb`. */
export const BYTES_PER_MB = 1024 * 1024;

/** Bytes to work with, given back when disposed of. */
export class Scratch implements Disposable {
  readonly bytes: Uint8Array;
  readonly #buffer: Uint8Array<ArrayBuffer>;

  /** @param size How many bytes are needed. */
  constructor(size: number) {
    this.#buffer = takeBuffer(size);
    this.bytes = this.#buffer.subarray(0, size);
  }

  [Symbol.dispose](): void {
    giveBuffer(this.#buffer);
  }
}
