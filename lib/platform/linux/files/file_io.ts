/**
 * Reading and writing an open file at a position.
 *
 * @module
 */

/** An open file that remembers where it stands, and seeks only when that is somewhere else. */
export class PositionedFile {
  readonly #file: Deno.FsFile;
  /** Unknown at first, and after a read or write that failed. */
  #position: number | undefined;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Reads from `offset` until the buffer is full or the file ends; returns the number of bytes. */
  async readAt(
    offset: number,
    buffer: Uint8Array,
    signal: AbortSignal,
  ): Promise<number> {
    // An offset over the kernel's maximum would make even the seek fail.
    if (buffer.byteLength === 0) return 0;
    this.#moveTo(offset);
    let filled = 0;
    while (filled < buffer.byteLength) {
      signal.throwIfAborted();
      const read = await this.#file.read(buffer.subarray(filled));
      if (read === null) break;
      filled += read;
    }
    this.#position = offset + filled;
    return filled;
  }

  /** Writes all bytes at `offset`. */
  async writeAt(offset: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    this.#moveTo(offset);
    for (let written = 0; written < bytes.byteLength;) {
      signal.throwIfAborted();
      written += await this.#file.write(bytes.subarray(written));
    }
    this.#position = offset + bytes.byteLength;
  }

  /** Somebody else has moved the descriptor. */
  forgetPosition(): void {
    this.#position = undefined;
  }

  #moveTo(offset: number): void {
    if (this.#position !== offset) this.#file.seekSync(offset, Deno.SeekMode.Start);
    this.#position = undefined;
  }
}
