/**
 * What one read of a spool returns: records, put together in as few buffers as possible.
 *
 * @module
 */

import { giveBuffer, takeBuffer } from "../../base/memory/spare_buffers.ts";
import type { SpoolPiece, SpoolReadOptions, SpoolRun } from "../../guest/state.ts";
import { HEADER_BYTES, readHeader, type RecordHeader } from "./records.ts";
import type { Segment } from "./segment_headers.ts";
import type { SegmentStore } from "./segments.ts";

/** How much more than the wanted bytes is read, for headers. */
const SLACK_BYTES = 1024;

/** Where to read on. */
export interface Place {
  readonly segment: Segment;
  /** Of a record in the segment. */
  readonly offset: number;
  /** The first position to read. */
  readonly position: number;
  /** How many bytes of the record come before that position. */
  readonly skip: number;
}

/** Collects records into one buffer. */
export class PieceBuilder implements SpoolPiece {
  readonly runs: SpoolRun[] = [];
  isFull = false;
  begin: number;
  next: number;
  lost = 0;
  /** How many bytes of the first record that was not wholly taken were taken. */
  consumed = 0;
  readonly #maxBytes: number;
  readonly #isSeparate: boolean;
  readonly #bytesPerRun: number;
  #buffers: Uint8Array<ArrayBuffer>[] = [];
  #size = 0;

  constructor(position: number, options: SpoolReadOptions) {
    const { maxBytes, separate = false, bytesPerRun = 0 } = options;
    this.begin = this.next = position;
    this.#maxBytes = maxBytes;
    this.#isSeparate = separate;
    this.#bytesPerRun = bytesPerRun;
  }

  /** Takes records of one segment; returns the offset of the first one that was not taken. */
  async take(store: SegmentStore, place: Place): Promise<number> {
    const { segment } = place;
    let at = place.offset;
    let { skip } = place;
    while (at < segment.bytes && !this.isFull) {
      const wanted = Math.min(segment.bytes - at, this.#maxBytes - this.#size + skip + SLACK_BYTES);
      skip = 0;
      const bytes = await this.#read(store, segment.start, at, wanted);
      const taken = this.#takeFrom(bytes, segment.bytes - at);
      at += taken;
      if (taken > 0 || this.isFull) continue;
      const header = readHeader(bytes, 0);
      const size = HEADER_BYTES + (header?.length ?? Infinity);
      // Nothing but the remains of a crash.
      if (at + size > segment.bytes) return segment.bytes;
      const before = this.next;
      at += this.#takeFrom(await this.#read(store, segment.start, at, size), size);
      if (this.next === before && !this.isFull) return segment.bytes;
    }
    return at;
  }

  async #read(store: SegmentStore, start: number, offset: number, size: number) {
    const buffer = takeBuffer(size);
    this.#buffers.push(buffer);
    return buffer.subarray(0, await store.readAt(start, offset, buffer.subarray(0, size)));
  }

  /**
   * Takes the records in these bytes, whose memory the runs share; returns their size.
   *
   * @param rest Bytes to the end of the segment: a record that goes beyond was cut off by a crash.
   */
  #takeFrom(bytes: Uint8Array<ArrayBuffer>, rest: number): number {
    const runs = new RunJoiner(bytes, this.#isSeparate);
    let at = 0;
    while (!this.isFull) {
      const header = readHeader(bytes, at);
      if (header === undefined || at + HEADER_BYTES + header.length > rest) break;
      const gap = header.position - this.next;
      const isFirst = this.runs.length === 0 && runs.count === 0;
      if (gap > 0 && isFirst) {
        this.lost += gap;
        this.begin = this.next = header.position;
      }
      // The next piece starts with the gap.
      if (gap > 0 && !isFirst) {
        this.isFull = true;
        break;
      }
      const cost = runs.isJoined(header.kind) ? 0 : this.#bytesPerRun;
      const taken = this.#share(header, bytes.byteLength - at, cost, isFirst);
      if (taken === undefined) break;
      const { skip, length } = taken;
      runs.add(header.kind, at + HEADER_BYTES + skip, length);
      this.#size += length + cost;
      const isWhole = skip + length === header.length;
      this.next = isWhole ? header.position + header.advance : header.position + skip + length;
      this.consumed = isWhole ? 0 : skip + length;
      if (isWhole) at += HEADER_BYTES + header.length;
      this.isFull = !isWhole || this.#size >= this.#maxBytes;
    }
    this.runs.push(...runs.end());
    return at;
  }

  /**
   * Which part of a record to take, or `undefined` if there is no room or if the record is not
   * complete in the `available` bytes.
   */
  #share(
    { length, advance, position }: RecordHeader,
    available: number,
    cost: number,
    isFirst: boolean,
  ) {
    const isDivisible = advance === length;
    const skip = isDivisible ? Math.max(0, this.next - position) : 0;
    const room = this.#maxBytes - this.#size - cost;
    const wanted = length - skip;
    const present = available - HEADER_BYTES - skip;
    if (!isDivisible) {
      if (wanted > room && !isFirst) {
        this.isFull = true;
        return undefined;
      }
      return wanted <= present ? { skip, length: wanted } : undefined;
    }
    // At least a byte, so that every read makes progress.
    const most = Math.min(wanted, Math.max(room, isFirst ? 1 : 0));
    if (most <= 0 && wanted > 0) {
      this.isFull = true;
      return undefined;
    }
    const taken = Math.min(most, present);
    return taken > 0 || wanted === 0 && present >= 0 ? { skip, length: taken } : undefined;
  }

  /** There is nothing to read before this position. */
  skipTo(end: number): void {
    if (end <= this.next) return;
    this.lost = end - this.next;
    this.begin = this.next = end;
  }

  release(): void {
    for (const buffer of this.#buffers) giveBuffer(buffer);
    this.#buffers = [];
  }
}

/** Moves records together in their memory, so that neighbours of one kind become one run. */
class RunJoiner {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #isSeparate: boolean;
  readonly #runs: { readonly kind: number; readonly from: number; to: number }[] = [];
  #filled = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>, isSeparate: boolean) {
    this.#bytes = bytes;
    this.#isSeparate = isSeparate;
  }

  get count(): number {
    return this.#runs.length;
  }

  /** Whether a record of this kind would be joined with the one before. */
  isJoined(kind: number): boolean {
    return !this.#isSeparate && this.#runs.at(-1)?.kind === kind;
  }

  add(kind: number, from: number, length: number): void {
    this.#bytes.copyWithin(this.#filled, from, from + length);
    const last = this.#runs.at(-1);
    const to = this.#filled + length;
    if (last !== undefined && this.isJoined(kind)) last.to = to;
    else this.#runs.push({ kind, from: this.#filled, to });
    this.#filled = to;
  }

  end(): SpoolRun[] {
    return this.#runs.map(({ kind, from, to }) => ({
      kind,
      bytes: this.#bytes.subarray(from, to),
    }));
  }
}
