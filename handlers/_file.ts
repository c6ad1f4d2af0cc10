/**
 * What the file methods share.
 *
 * @module
 */

/** The unit of `max_file_size_mb`. */
export const BYTES_PER_MB = 1024 * 1024;

const seekTo = (file: Deno.FsFile, offset: number) => file.seekSync(offset, Deno.SeekMode.Start);

/** Fills the buffer from `offset` of the file on; returns how much the file had. */
export async function readAt(
  file: Deno.FsFile,
  offset: number,
  buffer: Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  seekTo(file, offset);
  let filled = 0;
  while (filled < buffer.byteLength) {
    signal.throwIfAborted();
    const read = await file.read(buffer.subarray(filled));
    if (read === null) break;
    filled += read;
  }
  return filled;
}

/** Writes all bytes from `offset` on. */
export async function writeAt(
  file: Deno.FsFile,
  offset: number,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  seekTo(file, offset);
  for (let written = 0; written < bytes.byteLength;) {
    signal.throwIfAborted();
    written += await file.write(bytes.subarray(written));
  }
}

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
