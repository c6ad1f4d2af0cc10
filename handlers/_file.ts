/**
 * What the file methods share.
 *
 * @module
 */

/** The unit of `max_file_size_mb`. */
export const BYTES_PER_MB = 1024 * 1024;

const MAX_KEPT_BUFFERS = 2;
const MAX_KEPT_BYTES = 128 * 1024;
const kept: Uint8Array[] = [];

/**
 * Bytes to work with, given back when disposed of. A new buffer for each piece of a large file
 * would be freed too late: the collector sees small objects, not the memory behind them.
 */
export class Scratch implements Disposable {
  readonly bytes: Uint8Array;
  readonly #buffer: Uint8Array;

  /** @param size How many bytes are needed. */
  constructor(size: number) {
    const buffer = kept.pop();
    this.#buffer = buffer !== undefined && buffer.byteLength >= size
      ? buffer
      : new Uint8Array(size);
    this.bytes = this.#buffer.subarray(0, size);
  }

  [Symbol.dispose](): void {
    if (kept.length < MAX_KEPT_BUFFERS && this.#buffer.byteLength <= MAX_KEPT_BYTES) {
      kept.push(this.#buffer);
    }
  }
}
