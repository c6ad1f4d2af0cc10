/**
 * Files kept open between the pieces of a transfer.
 *
 * Opening a file and proving that no link led to it costs more than reading a piece of it. A file
 * that has been proven is kept open for a moment; the next piece takes it again if the path still
 * names that very file. Then nothing needs proving: whatever the path leads through by now, it is
 * the proven file that is read or written.
 *
 * While the host asks for the next piece, that piece is already being read.
 *
 * @module
 */

import type { AllowedPath } from "./paths.ts";
import { isSameFile, openRealFile } from "./real_file.ts";

const MAX_KEPT = 4;
const KEEP_MS = 1000;
const MAX_AHEAD_BYTES = 64 * 1024;

/** A piece that is being read before it is asked for. */
interface Ahead {
  readonly offset: number;
  readonly length: number;
  /** What tells that the file has been written to since. */
  readonly state: string;
  readonly buffer: Uint8Array;
  /** Resolves to how much there was, to -1 where reading failed. */
  readonly filled: Promise<number>;
}

interface Kept {
  readonly borrowed: BorrowedFile;
  readonly since: number;
}

const kept = new Map<string, Kept>();
let sweeping: ReturnType<typeof setTimeout> | undefined;

const stateOf = ({ size, mtime, ctime }: Deno.FileInfo) =>
  `${size} ${mtime?.getTime()} ${ctime?.getTime()}`;

/** More than a tick of the clock that the kernel stamps files with. */
const SAME_TICK_MS = 20;

/** Whether a change from now on might get the same time stamp as the last one had. */
function changedWithin({ mtime, ctime }: Deno.FileInfo, milliseconds: number): boolean {
  const last = Math.max(mtime?.getTime() ?? 0, ctime?.getTime() ?? 0);
  return Math.abs(Date.now() - last) < milliseconds;
}

const seekTo = (file: Deno.FsFile, offset: number) => file.seekSync(offset, Deno.SeekMode.Start);

/** An open file that nobody else uses, until it is disposed of. */
export class BorrowedFile implements Disposable {
  readonly #key: string;
  readonly #file: Deno.FsFile;
  #info: Deno.FileInfo;
  #last: { readonly end: number; readonly length: number } | undefined;
  #ahead: Ahead | undefined;

  private constructor(key: string, file: Deno.FsFile, info: Deno.FileInfo) {
    this.#key = key;
    this.#file = file;
    this.#info = info;
  }

  /** The file as it was when it was borrowed. */
  get info(): Deno.FileInfo {
    return this.#info;
  }

  /**
   * Takes a kept file, or opens it.
   *
   * @throws As {@link openRealFile}.
   */
  static async take(
    target: AllowedPath,
    access: "read" | "write",
    signal: AbortSignal,
  ): Promise<BorrowedFile> {
    const key = `${access} ${target.root} ${target.path}`;
    const one = kept.get(key)?.borrowed;
    if (one !== undefined) {
      kept.delete(key);
      if (isSameFile(target.path, one.#info)) {
        // Who writes does not ask how large the file is by now.
        if (access === "read") one.#info = one.#file.statSync();
        one.#last = undefined;
        return one;
      }
      one.#file.close();
    }
    const { file, info } = await openRealFile(target, access, signal);
    return new BorrowedFile(key, file, info);
  }

  /** Fills the buffer from `offset` of the file on; returns how much the file had. */
  async readAt(offset: number, buffer: Uint8Array, signal: AbortSignal): Promise<number> {
    const filled = await this.#takeAhead(offset, buffer) ??
      await readFully(this.#file, offset, buffer, signal);
    this.#last = { end: offset + filled, length: buffer.byteLength };
    return filled;
  }

  /** Writes all bytes from `offset` on. */
  async writeAt(offset: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await writeFully(this.#file, offset, bytes, signal);
  }

  [Symbol.dispose](): void {
    if (kept.has(this.#key) || kept.size >= MAX_KEPT) return this.#file.close();
    kept.set(this.#key, { borrowed: this, since: performance.now() });
    sweeping ??= setTimeout(sweep, KEEP_MS);
    this.#readAhead();
  }

  #readAhead(): void {
    const last = this.#last;
    if (last === undefined || last.end >= this.#info.size || last.length > MAX_AHEAD_BYTES) return;
    if (changedWithin(this.#info, SAME_TICK_MS)) return;
    const { end: offset, length } = last;
    const old = this.#ahead?.buffer;
    const buffer = old !== undefined && old.byteLength >= length ? old : new Uint8Array(length);
    const { signal } = new AbortController();
    const filled = readFully(this.#file, offset, buffer.subarray(0, length), signal)
      .catch(() => -1);
    this.#ahead = { offset, length, state: stateOf(this.#info), buffer, filled };
  }

  /** What was read ahead, if it is what is wanted and still what the file has. */
  async #takeAhead(offset: number, buffer: Uint8Array): Promise<number | undefined> {
    const ahead = this.#ahead;
    if (ahead === undefined) return undefined;
    // In any case the file is not to be read twice at a time.
    const filled = await ahead.filled;
    const isWanted = ahead.offset === offset && buffer.byteLength <= ahead.length;
    if (!isWanted || filled < buffer.byteLength || ahead.state !== stateOf(this.#info)) {
      return undefined;
    }
    buffer.set(ahead.buffer.subarray(0, buffer.byteLength));
    return buffer.byteLength;
  }

  /** Closes a kept file for good. */
  static drop(borrowed: BorrowedFile): void {
    borrowed.#file.close();
  }
}

/** Reads until the buffer is full or the file ends. */
export async function readFully(
  file: Deno.FsFile,
  offset: number,
  buffer: Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  // Beyond what the kernel counts, even the seek would fail.
  if (buffer.byteLength === 0) return 0;
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

/** Writes all bytes from `offset` of the file on. */
export async function writeFully(
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

function sweep(): void {
  const oldest = performance.now() - KEEP_MS;
  for (const [key, { borrowed, since }] of kept) {
    if (since > oldest) continue;
    kept.delete(key);
    BorrowedFile.drop(borrowed);
  }
  sweeping = kept.size === 0 ? undefined : setTimeout(sweep, KEEP_MS);
}
