/**
 * Reads a file in pieces, ahead of what is requested.
 *
 * While the host handles a piece, the next one is encoded. A read takes a hop to a thread of the
 * runtime and back, so of a file that is read from piece to piece, the one after that is read.
 *
 * @module
 */

import { base64Length, encodeBase64, type UnescapedBytes } from "../../../base/json_text.ts";
import { giveBuffer, takeBuffer } from "../../../base/memory/spare_buffers.ts";
import type { Piece } from "../../../guest/files.ts";
import type { PositionedFile } from "../../positioned_file.ts";

/** Longer pieces are not read ahead. */
const MAX_PIECE_BYTES = 128 * 1024;
/** Larger buffers are not kept. */
const MAX_KEPT_BYTES = 192 * 1024;
/** Longer than a tick of the clock that the kernel stamps files with. */
const SAME_TICK_MS = 20;

const NOTHING = new Uint8Array(0);
const NEVER_ABORTED = new AbortController().signal;

/** Part of the file, as it was in a state. */
interface Block {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly buffer: Uint8Array<ArrayBuffer>;
  /** Changes if the file is written to. */
  readonly state: string;
}

/** The piece that is probably requested next. */
interface Next {
  readonly offset: number;
  readonly state: string;
  readonly piece: FilePiece;
}

/** What is to be prepared. */
interface Preparation {
  readonly offset: number;
  readonly length: number;
  readonly size: number;
  readonly state: string;
  readonly isEncoded: boolean;
}

const stateOf = ({ size, mtime, ctime }: Deno.FileInfo) =>
  `${size} ${mtime?.getTime()} ${ctime?.getTime()}`;

/** Whether a future change could get the same time stamp as the last one. */
function changedWithin({ mtime, ctime }: Deno.FileInfo, milliseconds: number): boolean {
  const last = Math.max(mtime?.getTime() ?? 0, ctime?.getTime() ?? 0);
  return Math.abs(Date.now() - last) < milliseconds;
}

/** Some bytes of the block; `undefined` if it lacks some, or the file has changed. */
function bytesOf(
  block: Block | undefined,
  offset: number,
  length: number,
  state: string,
): Uint8Array | undefined {
  if (block?.state !== state) return undefined;
  const start = offset - block.offset;
  if (start < 0 || start + length > block.bytes.byteLength) return undefined;
  return block.bytes.subarray(start, start + length);
}

/** Reads pieces of one file, one at a time. */
export class PieceReader {
  readonly #file: Pick<PositionedFile, "readAt">;
  /** What the last piece is part of. */
  #block: Block | undefined;
  /** What was read ahead. */
  #following: Block | undefined;
  /** For the next block. */
  #spareBuffer: Uint8Array<ArrayBuffer> = NOTHING;
  /** For the base64 of the next piece. */
  #textBuffer: Uint8Array<ArrayBuffer> = NOTHING;
  #isClosed = false;
  #lastOffset = 0;
  #last: FilePiece | undefined;
  /** Whether the last piece had been read ahead. */
  #isSequential = false;
  #next: Next | undefined;
  /** What becomes {@link #next} once its block has been read. */
  #preparation: Preparation | undefined;
  /** Settles when the block has been read that is being read ahead. */
  #reading: Promise<void> | undefined;
  /** Called when the last piece has been sent. */
  #startReadAhead: (() => void) | undefined;

  constructor(file: Pick<PositionedFile, "readAt">) {
    this.#file = file;
  }

  /**
   * Reads a piece, which may have been read ahead.
   *
   * @param info The file as it is now.
   */
  async read(
    offset: number,
    length: number,
    info: Deno.FileInfo,
    signal: AbortSignal,
  ): Promise<Piece> {
    const ready = this.readAhead(offset, length, info);
    if (ready !== undefined) return ready;
    this.#startReadAhead = this.#preparation = undefined;
    if (this.#reading !== undefined) {
      // Two concurrent reads would share the position.
      await this.#reading;
      const found = this.readAhead(offset, length, info);
      if (found !== undefined) return found;
    }
    this.#isSequential = false;
    this.#dropBlocks();
    const block = this.#block = await this.#fill(offset, length, stateOf(info), signal);
    return this.#returned(offset, this.#piece(block.bytes));
  }

  /**
   * A piece that was read ahead; `undefined` if it has to be read, or waited for.
   *
   * @param info The file as it is now.
   */
  readAhead(offset: number, length: number, info: Deno.FileInfo): Piece | undefined {
    const piece = this.#takeAhead(offset, length, info);
    if (piece === undefined) return undefined;
    this.#startReadAhead = this.#preparation = undefined;
    this.#isSequential = true;
    return this.#returned(offset, piece);
  }

  /**
   * Reads the piece after the last one as soon as that has been sent, whose bytes become invalid; its
   * base64 stays valid.
   *
   * @param info The file as it was when the last piece was read.
   */
  prefetchNext(info: Deno.FileInfo): void {
    const last = this.#last;
    this.#last = undefined;
    if (this.#block !== undefined && this.#block.buffer.byteLength > MAX_KEPT_BYTES) {
      this.#block = undefined;
    }
    if (last === undefined) return;
    const { byteLength } = last.bytes;
    const offset = this.#lastOffset + byteLength;
    const left = info.size - offset;
    if (byteLength === 0 || left <= 0 || byteLength > MAX_PIECE_BYTES) return;
    if (changedWithin(info, SAME_TICK_MS)) return;
    const next = { offset, length: Math.min(byteLength, left), isEncoded: last.isEncoded };
    const start = () => this.#prepare({ ...next, size: info.size, state: stateOf(info) });
    if (last.isInUse) this.#startReadAhead = start;
    else start();
  }

  /** Waits until no read-ahead is in progress. */
  async settle(): Promise<void> {
    this.#startReadAhead = this.#preparation = undefined;
    await this.#reading;
    this.#dropNext();
  }

  /** Returns the buffers; those in use are returned when they are released. */
  close(): void {
    this.#isClosed = true;
    this.#dropBlocks();
    for (const buffer of [this.#spareBuffer, this.#textBuffer]) giveBuffer(buffer);
    this.#spareBuffer = this.#textBuffer = NOTHING;
    void this.settle();
  }

  #returned(offset: number, piece: FilePiece): FilePiece {
    this.#lastOffset = offset;
    this.#last = piece;
    return piece;
  }

  #dropNext(): void {
    this.#next?.piece.release();
    this.#next = undefined;
  }

  #dropBlocks(): void {
    for (const block of [this.#block, this.#following]) if (block) this.#recycleBlock(block);
    this.#block = this.#following = undefined;
  }

  #recycleBlock({ buffer }: Block): void {
    giveBuffer(this.#spareBuffer);
    this.#spareBuffer = buffer;
  }

  /** The piece, if it was read ahead and the file has not changed since. */
  #takeAhead(offset: number, length: number, info: Deno.FileInfo): FilePiece | undefined {
    const next = this.#next;
    if (next === undefined && this.#block === undefined && this.#following === undefined) {
      return undefined;
    }
    const state = stateOf(info);
    if (next?.offset === offset && next.state === state && next.piece.bytes.length === length) {
      this.#next = undefined;
      return next.piece;
    }
    this.#dropNext();
    const bytes = this.#bytesAhead(offset, length, state);
    return bytes && this.#piece(bytes);
  }

  #bytesAhead(offset: number, length: number, state: string): Uint8Array | undefined {
    const bytes = bytesOf(this.#following, offset, length, state);
    if (bytes === undefined) return bytesOf(this.#block, offset, length, state);
    if (this.#block !== undefined) this.#recycleBlock(this.#block);
    this.#block = this.#following;
    this.#following = undefined;
    return bytes;
  }

  /** Makes the next piece, of what has been read ahead or by reading on. */
  #prepare(preparation: Preparation): void {
    if (this.#isClosed || this.#make(preparation)) return;
    this.#preparation = preparation;
    // If it is not what is being read, it is read when it is requested.
    if (this.#reading !== undefined) return;
    this.#dropBlocks();
    this.#readBlock(preparation.offset, preparation);
  }

  /** Makes the next piece, and reads the block after its own; returns whether its bytes are there. */
  #make({ offset, length, size, state, isEncoded }: Preparation): boolean {
    const bytes = this.#bytesAhead(offset, length, state);
    if (bytes === undefined) return false;
    const piece = this.#piece(bytes);
    if (isEncoded) piece.base64();
    this.#next = { offset, state, piece };
    const block = this.#block;
    if (!this.#isSequential || block === undefined) return true;
    if (this.#following !== undefined || this.#reading !== undefined) return true;
    this.#readBlock(block.offset + block.bytes.byteLength, { length, size, state });
    return true;
  }

  /** Reads a block ahead, and makes what is to be prepared then. */
  #readBlock(
    offset: number,
    { length, size, state }: Pick<Preparation, "length" | "size" | "state">,
  ): void {
    if (offset >= size) return;
    const bytes = Math.min(length, size - offset);
    this.#reading = this.#fill(offset, bytes, state, NEVER_ABORTED).then((block) => {
      this.#reading = undefined;
      if (this.#isClosed) return giveBuffer(block.buffer);
      this.#following = block;
      const preparation = this.#preparation;
      this.#preparation = undefined;
      if (preparation !== undefined) this.#make(preparation);
    }).catch(() => this.#reading = undefined);
  }

  async #fill(
    offset: number,
    length: number,
    state: string,
    signal: AbortSignal,
  ): Promise<Block> {
    let buffer = this.#spareBuffer;
    this.#spareBuffer = NOTHING;
    if (length > buffer.byteLength) {
      giveBuffer(buffer);
      buffer = takeBuffer(length);
    }
    const read = await this.#file.readAt(offset, buffer.subarray(0, length), signal);
    return { offset, bytes: buffer.subarray(0, read), buffer, state };
  }

  #piece(bytes: Uint8Array): FilePiece {
    return new FilePiece(bytes, (onReleased) => this.#encode(bytes, onReleased));
  }

  #encode(bytes: Uint8Array, onReleased: () => void): UnescapedBytes {
    const length = base64Length(bytes.byteLength);
    let target = this.#textBuffer;
    this.#textBuffer = NOTHING;
    if (target.byteLength < length) {
      giveBuffer(target);
      target = takeBuffer(length);
    }
    return encodeBase64(bytes, target, () => {
      this.#recycle(target);
      onReleased();
      const start = this.#startReadAhead;
      this.#startReadAhead = undefined;
      start?.();
    });
  }

  #recycle(buffer: Uint8Array<ArrayBuffer>): void {
    const isWanted = !this.#isClosed && this.#textBuffer === NOTHING &&
      buffer.byteLength <= 2 * MAX_PIECE_BYTES;
    if (isWanted) this.#textBuffer = buffer;
    else giveBuffer(buffer);
  }
}

/** Some bytes of a file, encoded at most once. */
class FilePiece implements Piece {
  #base64: UnescapedBytes | undefined;
  #isReleased = false;

  constructor(
    readonly bytes: Uint8Array,
    readonly encode: (onReleased: () => void) => UnescapedBytes,
  ) {}

  get isEncoded(): boolean {
    return this.#base64 !== undefined;
  }

  /** Whether its base64 is still to be sent. */
  get isInUse(): boolean {
    return this.isEncoded && !this.#isReleased;
  }

  base64(): UnescapedBytes {
    return this.#base64 ??= this.encode(() => this.#isReleased = true);
  }

  /** It will not be sent. */
  release(): void {
    this.#base64?.release();
  }
}
