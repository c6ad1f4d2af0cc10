/**
 * The file at the host's end of a transfer.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Part } from "./pieces.ts";

const CHUNK_BYTES = 1024 * 1024;

/** An open file that is read and written at offsets, by several at a time. */
export class LocalFile implements Disposable {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile, readonly path: string) {
    this.#file = file;
  }

  /** Reads exactly these bytes; fewer only where the file ends. */
  read({ offset, length }: Part): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, this.#readInto(bytes, offset));
  }

  /** Writes all bytes. */
  write(offset: number, bytes: Uint8Array): void {
    // Synchronous, since seeking and writing must not come between another's.
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let written = 0; written < bytes.byteLength;) {
      written += this.#file.writeSync(bytes.subarray(written));
    }
  }

  /** The SHA-256 of a part, as far as the file goes, and how much there was. */
  async sha256({ offset, length }: Part, signal?: AbortSignal): Promise<{
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
      // Lets signals and other agents in.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    return { sha256: hash.digest("hex"), bytes };
  }

  /** What tells that somebody has written to it. */
  state(): { size: number; version: string } {
    const { size, mtime, ctime } = this.#file.statSync();
    return { size, version: `${size} ${mtime?.getTime()} ${ctime?.getTime()}` };
  }

  /** Cuts it off, or makes it longer with zeros. */
  truncate(length: number): void {
    this.#file.truncateSync(length);
  }

  /** Has it on the disk before it gets its name. */
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
