/**
 * Reads a file in pieces, ahead of what is requested.
 *
 * While the host handles a piece, the next one is encoded. A read takes a hop to a thread of the
 * runtime and back, so one read of a file that is read from piece to piece serves several.
 *
 * @module
 */

import { base64Length, encodeBase64, type UnescapedBytes } from "../../../base/json_text.ts";
import { giveBuffer, takeBuffer } from "../../../base/memory/spare_buffers.ts";
import type { Piece } from "../../../guest/files.ts";
import type { PositionedFile } from "../../positioned_file.ts";

/** Longer pieces are not read ahead. */
const MAX_PIECE_BYTES = 128 * 1024;
/** The most that is read ahead. */
const MAX_AHEAD_BYTES = 192 * 1024;
/** Longer than a tick of the clock that the kernel stamps files with. */
const SAME_TICK_MS = 20;

const NOTHING = new Uint8Array(0);
const NEVER_ABORTED = new AbortController().signal;

/** The reader that reads several pieces at once. One at a time, since its buffer is large. */
let farReader: PieceReader | undefined;

/** Part of the file, as it was in a state. */
interface Ahead {
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Changes if the file is written to. */
  readonly state: string;
}

/** The piece that is probably requested next. */
interface Next {
  readonly offset: number;
  readonly state: string;
  readonly piece: FilePiece;
}

const stateOf = ({ size, mtime, ctime }: Deno.FileInfo) =>
  `${size} ${mtime?.getTime()} ${ctime?.getTime()}`;

/** Whether a future change could get the same time stamp as the last one. */
function changedWithin({ mtime, ctime }: Deno.FileInfo, milliseconds: number): boolean {
  const last = Math.max(mtime?.getTime() ?? 0, ctime?.getTime() ?? 0);
  return Math.abs(Date.now() - last) < milliseconds;
}

/** Reads pieces of one file, one at a time. */
export class PieceReader {
  readonly #file: Pick<PositionedFile, "readAt">;
  #buffer: Uint8Array<ArrayBuffer> = NOTHING;
  /** For the base64 of the next piece. */
  #textBuffer: Uint8Array<ArrayBuffer> = NOTHING;
  #isClosed = false;
  #lastOffset = 0;
  #last: FilePiece | undefined;
  /** Whether the last piece had been read ahead. */
  #isSequential = false;
  /** What the buffer has of the file; `undefined` if that is not known. */
  #ahead: Ahead | undefined;
  #next: Next | undefined;
  /** Settles when the read-ahead in progress has ended. */
  #reading: Promise<void> | undefined;
  /** Reads ahead; called when the last piece has been sent. */
  #readAhead: (() => void) | undefined;

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
    this.#readAhead = undefined;
    // Two concurrent reads would share the position.
    if (this.#reading !== undefined) await this.#reading;
    const found = this.#takeAhead(offset, length, info);
    this.#isSequential = found !== undefined;
    const piece = found ?? await this.#read(offset, length, signal);
    this.#lastOffset = offset;
    this.#last = piece;
    return piece;
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
    if (this.#buffer.byteLength > MAX_AHEAD_BYTES) {
      this.#buffer = NOTHING;
      this.#ahead = undefined;
    }
    if (last === undefined || this.#reading !== undefined) return;
    const { byteLength } = last.bytes;
    const offset = this.#lastOffset + byteLength;
    const left = info.size - offset;
    if (byteLength === 0 || left <= 0 || byteLength > MAX_PIECE_BYTES) return;
    if (changedWithin(info, SAME_TICK_MS)) return;
    const readAhead = () => this.#prepare(offset, Math.min(byteLength, left), info, last.isEncoded);
    if (last.isInUse) this.#readAhead = readAhead;
    else readAhead();
  }

  /** Waits until no read-ahead is in progress. */
  async settle(): Promise<void> {
    this.#readAhead = undefined;
    await this.#reading;
    this.#dropNext();
  }

  /** Returns the buffers; those in use are returned when they are released. */
  close(): void {
    this.#isClosed = true;
    if (farReader === this) farReader = undefined;
    // A read-ahead in progress still writes into the buffer.
    if (this.#reading === undefined) giveBuffer(this.#buffer);
    giveBuffer(this.#textBuffer);
    this.#buffer = this.#textBuffer = NOTHING;
    this.#ahead = undefined;
    void this.settle();
  }

  #dropNext(): void {
    this.#next?.piece.release();
    this.#next = undefined;
  }

  /** The piece, if it was read ahead and the file has not changed since. */
  #takeAhead(offset: number, length: number, info: Deno.FileInfo): FilePiece | undefined {
    const next = this.#next;
    if (next === undefined && this.#ahead === undefined) return undefined;
    const state = stateOf(info);
    if (next?.offset === offset && next.state === state && next.piece.bytes.length === length) {
      this.#next = undefined;
      return next.piece;
    }
    this.#dropNext();
    return this.#bytesAhead(offset, length, state);
  }

  #bytesAhead(offset: number, length: number, state: string): FilePiece | undefined {
    const ahead = this.#ahead;
    if (ahead?.state !== state) return undefined;
    const start = offset - ahead.offset;
    if (start < 0 || start + length > ahead.bytes.byteLength) return undefined;
    return this.#piece(ahead.bytes.subarray(start, start + length));
  }

  /** Makes the next piece, of what has been read ahead or by reading on. */
  #prepare(offset: number, length: number, info: Deno.FileInfo, isEncoded: boolean): void {
    const state = stateOf(info);
    const make = () => {
      const piece = this.#bytesAhead(offset, length, state);
      if (piece === undefined || this.#isClosed) return;
      if (isEncoded) piece.base64();
      this.#next = { offset, state, piece };
    };
    if (this.#bytesAhead(offset, length, state) !== undefined) return make();
    // Whoever reads piece by piece will need several.
    const isFar = this.#isSequential && (farReader ?? this) === this;
    if (isFar) farReader = this;
    const pieces = isFar ? Math.max(1, Math.floor(MAX_AHEAD_BYTES / length)) : 1;
    const bytes = Math.min(length * pieces, info.size - offset);
    this.#reading = this.#fill(offset, bytes, NEVER_ABORTED).then((read) => {
      this.#ahead = { offset, bytes: read, state };
      make();
    }).catch(() => {}).finally(() => this.#reading = undefined);
  }

  async #read(offset: number, length: number, signal: AbortSignal): Promise<FilePiece> {
    return this.#piece(await this.#fill(offset, length, signal));
  }

  /** Reads into the buffer. */
  async #fill(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    this.#ahead = undefined;
    if (length > this.#buffer.byteLength) {
      giveBuffer(this.#buffer);
      this.#buffer = takeBuffer(length);
    }
    const buffer = this.#buffer.subarray(0, length);
    return buffer.subarray(0, await this.#file.readAt(offset, buffer, signal));
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
      const readAhead = this.#readAhead;
      this.#readAhead = undefined;
      readAhead?.();
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
