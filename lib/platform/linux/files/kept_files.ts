/**
 * Files kept open between the pieces of a transfer.
 *
 * Opening a file and proving that no link led to it costs more than reading a piece of it. A file
 * that has been proven is kept open for a moment; the next piece takes it again if the path still
 * names that very file. Then nothing needs proving: whatever the path leads through by now, it is
 * the proven file that is read or written.
 *
 * While the host is busy with a piece, the next one is read and encoded already.
 *
 * @module
 */

import { base64Length, encodeBase64, type PlainText } from "../../../base/json_text.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import { giveBuffer, takeBuffer } from "../../../base/memory/spare_buffers.ts";
import { lookAgain, openRealFile } from "./real_file.ts";

const MAX_KEPT = 4;
const KEEP_MS = 1000;
const MAX_AHEAD_BYTES = 64 * 1024;

/** Some bytes of a file. */
export interface Piece {
  /** Valid until the file that they came from is given back. */
  readonly bytes: Uint8Array;
  /** The same in base64, once that has been asked for; valid until {@link BorrowedFile.goOn}. */
  base64?: PlainText;
}

/** A piece that is being read before it is asked for. */
interface Ahead {
  readonly offset: number;
  /** What tells that the file has been written to since. */
  readonly state: string;
  /** Resolves to the piece, to nothing where reading failed. */
  readonly piece: Promise<Piece | undefined>;
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

const NOTHING = new Uint8Array(0);
const NEVER_ABORTED = new AbortController().signal;

/** An open file that nobody else uses, until it is disposed of. */
export class BorrowedFile implements Disposable {
  readonly #key: string;
  readonly #file: Deno.FsFile;
  #info: Deno.FileInfo;
  /** Where pieces lie. */
  #buffer: Uint8Array<ArrayBuffer> = NOTHING;
  /** Where base64 lies, while no answer has it. */
  #textBuffer: Uint8Array<ArrayBuffer> = NOTHING;
  #isClosed = false;
  #end = 0;
  /** Where the descriptor stands; not known after a read or write that failed. */
  #position: number | undefined;
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
      const info = lookAgain(target.path, one.#info);
      if (info !== undefined) {
        one.#info = info;
        return one;
      }
      one.#close();
    }
    const { file, info } = await openRealFile(target, access, signal);
    return new BorrowedFile(key, file, info);
  }

  /** Reads so many bytes from `offset` of the file on, fewer where it ends. */
  async readAt(offset: number, length: number, signal: AbortSignal): Promise<Piece> {
    const piece = await this.#takeAhead(offset, length) ?? await this.#read(offset, length, signal);
    this.#end = offset + piece.bytes.byteLength;
    return piece;
  }

  /** A piece of this file in base64. */
  base64Of(piece: Piece): PlainText {
    if (piece.base64 !== undefined) return piece.base64;
    const length = base64Length(piece.bytes.byteLength);
    let target = this.#textBuffer;
    this.#textBuffer = NOTHING;
    if (target.byteLength < length) {
      giveBuffer(target);
      target = takeBuffer(length);
    }
    return piece.base64 = encodeBase64(piece.bytes, target);
  }

  /** Writes all bytes from `offset` on. */
  async writeAt(offset: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    if (this.#position !== offset) seekTo(this.#file, offset);
    this.#position = undefined;
    await writeAll(this.#file, bytes, signal);
    this.#position = offset + bytes.byteLength;
  }

  /** Gives the file back, to be kept for a while. */
  [Symbol.dispose](): void {
    if (kept.has(this.#key)) return this.#close();
    if (kept.size >= MAX_KEPT) dropOldest();
    if (this.#buffer.byteLength > MAX_AHEAD_BYTES) this.#buffer = NOTHING;
    kept.set(this.#key, { borrowed: this, since: performance.now() });
    sweeping ??= setTimeout(sweep, KEEP_MS);
  }

  /**
   * The answer with this piece has left, and the host will ask for the next one: begins to read it,
   * if the file has been given back and nobody else has taken it.
   */
  goOn({ bytes, base64 }: Piece): void {
    if (base64 !== undefined && base64.bytes.byteLength <= base64Length(MAX_AHEAD_BYTES)) {
      const buffer = new Uint8Array(base64.bytes.buffer);
      if (this.#isClosed || this.#textBuffer !== NOTHING) giveBuffer(buffer);
      else this.#textBuffer = buffer;
    }
    const [offset, wanted] = [this.#end, bytes.byteLength];
    const length = Math.min(wanted, this.#info.size - offset);
    const isKept = kept.get(this.#key)?.borrowed === this;
    if (!isKept || this.#ahead !== undefined || length <= 0 || length > MAX_AHEAD_BYTES) return;
    if (changedWithin(this.#info, SAME_TICK_MS)) return;
    const piece = this.#read(offset, length, NEVER_ABORTED).then((read) => {
      if (base64 !== undefined) this.base64Of(read);
      return read;
    }).catch(() => undefined);
    this.#ahead = { offset, state: stateOf(this.#info), piece };
  }

  /** What was read ahead, if it is what is wanted and still what the file has. */
  async #takeAhead(offset: number, length: number): Promise<Piece | undefined> {
    const ahead = this.#ahead;
    if (ahead === undefined) return undefined;
    this.#ahead = undefined;
    // In any case the file is not to be read twice at a time.
    const piece = await ahead.piece;
    if (piece === undefined || ahead.offset !== offset || ahead.state !== stateOf(this.#info)) {
      return undefined;
    }
    const { byteLength } = piece.bytes;
    if (length > byteLength) return undefined;
    return length === byteLength ? piece : { bytes: piece.bytes.subarray(0, length) };
  }

  async #read(offset: number, length: number, signal: AbortSignal): Promise<Piece> {
    if (length > this.#buffer.byteLength) {
      giveBuffer(this.#buffer);
      this.#buffer = takeBuffer(length);
    }
    const buffer = this.#buffer.subarray(0, length);
    // Beyond what the kernel counts, even the seek would fail.
    if (length === 0) return { bytes: buffer };
    if (this.#position !== offset) seekTo(this.#file, offset);
    this.#position = undefined;
    const filled = await fill(this.#file, buffer, signal);
    this.#position = offset + filled;
    return { bytes: buffer.subarray(0, filled) };
  }

  /** Closes a kept file for good. */
  static close(borrowed: BorrowedFile): void {
    borrowed.#close();
  }

  #close(): void {
    this.#isClosed = true;
    this.#file.close();
    // What is being read ahead still goes into it.
    if (this.#ahead === undefined) giveBuffer(this.#buffer);
    giveBuffer(this.#textBuffer);
    this.#buffer = this.#textBuffer = NOTHING;
  }
}

/** Reads from `offset` on until the buffer is full or the file ends; returns how much there was. */
export async function readFully(
  file: Deno.FsFile,
  offset: number,
  buffer: Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  // Beyond what the kernel counts, even the seek would fail.
  if (buffer.byteLength === 0) return 0;
  seekTo(file, offset);
  return await fill(file, buffer, signal);
}

async function fill(file: Deno.FsFile, buffer: Uint8Array, signal: AbortSignal): Promise<number> {
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
  await writeAll(file, bytes, signal);
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  for (let written = 0; written < bytes.byteLength;) {
    signal.throwIfAborted();
    written += await file.write(bytes.subarray(written));
  }
}

function sweep(): void {
  const oldest = performance.now() - KEEP_MS;
  for (const [key, { borrowed, since }] of kept) if (since <= oldest) drop(key, borrowed);
  sweeping = kept.size === 0 ? undefined : setTimeout(sweep, KEEP_MS);
}

/** Makes room for one more. A map gives back what it was given first. */
function dropOldest(): void {
  for (const [key, { borrowed }] of kept) return drop(key, borrowed);
}

function drop(key: string, borrowed: BorrowedFile): void {
  kept.delete(key);
  BorrowedFile.close(borrowed);
}
