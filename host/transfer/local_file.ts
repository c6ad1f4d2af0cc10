/**
 * The host's end of a transfer.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { ByteRange } from "./pieces.ts";

const CHUNK_BYTES = 1024 * 1024;

/** An open file that several tasks read and write at offsets. */
export class LocalFile implements Disposable {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile, readonly path: string) {
    this.#file = file;
  }

  /** Its mode (inode(7)), `null` where the platform has none. */
  get mode(): number | null {
    return this.#file.statSync().mode;
  }

  /** Reads exactly this range; less only at the end of the file. */
  read({ offset, length }: ByteRange): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, this.#readInto(bytes, offset));
  }

  /** Writes all bytes. */
  write(offset: number, bytes: Uint8Array): void {
    // Synchronous: no other task may seek between this seek and this write.
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let written = 0; written < bytes.byteLength;) {
      written += this.#file.writeSync(bytes.subarray(written));
    }
  }

  /** The SHA-256 of a range, up to the end of the file, and its actual length. */
  async sha256({ offset, length }: ByteRange, signal?: AbortSignal): Promise<{
    sha256: string;
    bytes: number;
  }> {
    const hash = createHash("sha256");
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, length));
    let bytes = 0;
    while (bytes < length) {
      signal?.throwIfAborted();
      const filled = this.#readInto(buffer.subarray(0, length - bytes), offset + bytes);
      if (filled === 0) break;
      hash.update(buffer.subarray(0, filled));
      bytes += filled;
      // Lets signals and other agents' traffic be handled.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    return { sha256: hash.digest("hex"), bytes };
  }

  /** Its size, and a text that changes when the file is written to. */
  state(): { size: number; version: string } {
    const { size, mtime, ctime } = this.#file.statSync();
    return { size, version: `${size} ${mtime?.getTime()} ${ctime?.getTime()}` };
  }

  /** Shortens the file, or extends it with zeros. */
  truncate(length: number): void {
    this.#file.truncateSync(length);
  }

  /** Flushes the content to disk before the file gets its name (fsync(2)). */
  async sync(): Promise<void> {
    await this.#file.sync();
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #readInto(buffer: Uint8Array, offset: number): number {
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    let filled = 0;
    while (filled < buffer.byteLength) {
      const read = this.#file.readSync(buffer.subarray(filled));
      if (read === null) break;
      filled += read;
    }
    return filled;
  }
}
