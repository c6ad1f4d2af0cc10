/**
 * Reads a file in pieces, one piece ahead.
 *
 * While the host handles a piece, the next one is already read and encoded.
 *
 * @module
 */

import { base64Length, encodeBase64, type UnescapedBytes } from "../../../base/json_text.ts";
import { giveBuffer, takeBuffer } from "../../../base/memory/spare_buffers.ts";
import type { Piece } from "../../../guest/files.ts";
import type { PositionedFile } from "../../positioned_file.ts";

const MAX_AHEAD_BYTES = 64 * 1024;
/** Longer than a tick of the clock that the kernel stamps files with. */
const SAME_TICK_MS = 20;

const NOTHING = new Uint8Array(0);
const NEVER_ABORTED = new AbortController().signal;

/** A piece that is read before it is requested. */
interface Ahead {
  readonly offset: number;
  /** Changes if the file is written to. */
  readonly state: string;
  /** Resolves to the piece, or to `undefined` if reading failed. */
  readonly piece: Promise<FilePiece | undefined>;
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
  readonly #file: PositionedFile;
  #buffer: Uint8Array<ArrayBuffer> = NOTHING;
  /** For the base64 of the next piece. */
  #textBuffer: Uint8Array<ArrayBuffer> = NOTHING;
  #isClosed = false;
  #lastOffset = 0;
  #last: FilePiece | undefined;
  #ahead: Ahead | undefined;

  constructor(file: PositionedFile) {
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
    const piece = await this.#takeAhead(offset, length, info) ??
      await this.#read(offset, length, signal);
    this.#lastOffset = offset;
    this.#last = piece;
    return piece;
  }

  /**
   * Starts reading the piece after the last one, whose bytes become invalid; its base64 stays
   * valid.
   *
   * @param info The file as it was when the last piece was read.
   */
  prefetchNext(info: Deno.FileInfo): void {
    const last = this.#last;
    this.#last = undefined;
    if (this.#buffer.byteLength > MAX_AHEAD_BYTES) this.#buffer = NOTHING;
    if (last === undefined || this.#ahead !== undefined) return;
    const { byteLength } = last.bytes;
    const offset = this.#lastOffset + byteLength;
    const length = Math.min(byteLength, info.size - offset);
    if (length <= 0 || length > MAX_AHEAD_BYTES || changedWithin(info, SAME_TICK_MS)) return;
    const piece = this.#read(offset, length, NEVER_ABORTED).then((read) => {
      if (last.isEncoded) read.encode();
      return read;
    }).catch(() => undefined);
    this.#ahead = { offset, state: stateOf(info), piece };
  }

  /** Waits until no read-ahead is in progress. */
  async settle(): Promise<void> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    (await ahead?.piece)?.drop();
  }

  /** Returns the buffers; those in use are returned when they are released. */
  close(): void {
    this.#isClosed = true;
    // A read-ahead in progress still writes into the buffer.
    if (this.#ahead === undefined) giveBuffer(this.#buffer);
    giveBuffer(this.#textBuffer);
    this.#buffer = this.#textBuffer = NOTHING;
    void this.settle();
  }

  /** The piece that was read ahead, if it is the requested one and the file has not changed. */
  async #takeAhead(
    offset: number,
    length: number,
    info: Deno.FileInfo,
  ): Promise<FilePiece | undefined> {
    const ahead = this.#ahead;
    if (ahead === undefined) return undefined;
    this.#ahead = undefined;
    // Wait for it in any case: two concurrent reads would share the position.
    const piece = await ahead.piece;
    const isWanted = piece !== undefined && ahead.offset === offset &&
      ahead.state === stateOf(info) && length <= piece.bytes.byteLength;
    if (isWanted && length === piece.bytes.byteLength) return piece;
    piece?.drop();
    return isWanted ? this.#piece(piece.bytes.subarray(0, length)) : undefined;
  }

  async #read(offset: number, length: number, signal: AbortSignal): Promise<FilePiece> {
    if (length > this.#buffer.byteLength) {
      giveBuffer(this.#buffer);
      this.#buffer = takeBuffer(length);
    }
    const buffer = this.#buffer.subarray(0, length);
    return this.#piece(buffer.subarray(0, await this.#file.readAt(offset, buffer, signal)));
  }

  #piece(bytes: Uint8Array): FilePiece {
    return new FilePiece(bytes, (piece) => this.#encode(piece));
  }

  #encode(bytes: Uint8Array): UnescapedBytes {
    const length = base64Length(bytes.byteLength);
    let target = this.#textBuffer;
    this.#textBuffer = NOTHING;
    if (target.byteLength < length) {
      giveBuffer(target);
      target = takeBuffer(length);
    }
    return encodeBase64(bytes, target, () => this.#recycle(target));
  }

  #recycle(buffer: Uint8Array<ArrayBuffer>): void {
    const isWanted = !this.#isClosed && this.#textBuffer === NOTHING &&
      buffer.byteLength <= 2 * MAX_AHEAD_BYTES;
    if (isWanted) this.#textBuffer = buffer;
    else giveBuffer(buffer);
  }
}

/** Some bytes of a file, encoded at most once. */
class FilePiece implements Piece {
  #base64: UnescapedBytes | undefined;

  constructor(
    readonly bytes: Uint8Array,
    readonly encoder: (bytes: Uint8Array) => UnescapedBytes,
  ) {}

  get isEncoded(): boolean {
    return this.#base64 !== undefined;
  }

  encode(): void {
    this.#base64 ??= this.encoder(this.bytes);
  }

  base64(): UnescapedBytes {
    return this.#base64 ??= this.encoder(this.bytes);
  }

  /** It will not be read. */
  drop(): void {
    this.#base64?.release();
  }
}
