/**
 * Reads and writes an open file at given positions.
 *
 * @module
 */

/** An open file that remembers its position and only seeks if it has to. */
export class PositionedFile {
  readonly #file: Deno.FsFile;
  /** Unknown at first, and after a failed read or write. */
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
    // With an offset over the kernel's maximum, even the seek would fail.
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

  /** Another user of the descriptor has moved its position. */
  forgetPosition(): void {
    this.#position = undefined;
  }

  #moveTo(offset: number): void {
    if (this.#position !== offset) this.#file.seekSync(offset, Deno.SeekMode.Start);
    this.#position = undefined;
  }
}
