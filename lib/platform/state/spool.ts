/**
 * A bounded, append-only sequence of records in segments.
 *
 * @module
 */

import { giveBuffer, takeBuffer } from "../../base/memory/spare_buffers.ts";
import type { Spool, SpoolLimits, SpoolPiece, SpoolReadOptions } from "../../guest/state.ts";
import { HEADER_BYTES, writeHeader } from "./records.ts";
import { endOf, headersOf, type Segment } from "./segment_headers.ts";
import type { SegmentStore, SegmentWriter } from "./segments.ts";
import { PieceBuilder, type Place } from "./spool_piece.ts";

/** Segments are a part of what a spool keeps, since they are dropped whole … */
const SEGMENTS_PER_SPOOL = 8;
/** … and neither tiny nor huge files. */
const SEGMENT_BYTES = { least: 16 * 1024, most: 4 * 1024 * 1024 } as const;
/** A spool over any store of segments. */
export class SegmentedSpool implements Spool {
  readonly #store: SegmentStore;
  readonly #limitBytes: number;
  readonly #segmentBytes: number;
  /** The oldest first. */
  readonly #segments: Segment[];
  #end: number;
  #storedBytes: number;
  #writer: SegmentWriter | undefined;
  #last: Promise<unknown> = Promise.resolve();
  /** Where the last read ended, which is where the next one usually begins. */
  #hint: Place | undefined;

  private constructor(
    store: SegmentStore,
    { bytes }: SpoolLimits,
    segments: Segment[],
    end: number,
  ) {
    this.#store = store;
    this.#limitBytes = bytes;
    const { least, most } = SEGMENT_BYTES;
    this.#segmentBytes = Math.max(least, Math.min(most, Math.floor(bytes / SEGMENTS_PER_SPOOL)));
    this.#segments = segments;
    this.#end = end;
    this.#storedBytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** Opens a spool; a last record that was cut off by a crash is not part of it. */
  static async open(store: SegmentStore, limits: SpoolLimits): Promise<SegmentedSpool> {
    const found = (await store.list()).map(({ start, bytes }): Segment => ({ start, bytes }));
    const segments = found.toSorted((one, other) => one.start - other.start);
    const last = segments.at(-1);
    const end = last === undefined ? 0 : await endOf(store, last);
    return new SegmentedSpool(store, limits, segments, end);
  }

  get begin(): number {
    return this.#segments[0]?.start ?? this.#end;
  }

  get end(): number {
    return this.#end;
  }

  get storedBytes(): number {
    return this.#storedBytes;
  }

  append(kind: number, bytes: Uint8Array, advance: number): Promise<boolean> {
    return this.#inTurn(() => this.#append(kind, bytes, advance));
  }

  async #append(kind: number, bytes: Uint8Array, advance: number): Promise<boolean> {
    const position = this.#end;
    const size = HEADER_BYTES + bytes.byteLength;
    const buffer = takeBuffer(size);
    writeHeader(buffer, { kind, length: bytes.byteLength, advance, position });
    buffer.set(bytes, HEADER_BYTES);
    try {
      await this.#write(buffer.subarray(0, size), position);
      this.#end = position + advance;
      return true;
    } catch {
      this.#end = position + advance;
      return false;
    } finally {
      giveBuffer(buffer);
    }
  }

  async #write(record: Uint8Array, position: number): Promise<void> {
    let segment = this.#segments.at(-1);
    if (
      segment === undefined || this.#writer === undefined ||
      segment.bytes > 0 && segment.bytes + record.byteLength > this.#segmentBytes
    ) {
      this.#closeWriter();
      this.#writer = await this.#store.create(position);
      // A segment that was cut off before its first record has the same position.
      if (segment?.start === position) this.#forgetLast();
      segment = { start: position, bytes: 0 };
      this.#segments.push(segment);
    }
    try {
      await this.#writer.write(record);
    } catch (error) {
      await this.#undo(segment);
      throw error;
    }
    segment.bytes += record.byteLength;
    this.#storedBytes += record.byteLength;
    while (this.#storedBytes > this.#limitBytes && this.#segments.length > 1) {
      await this.#dropOldest();
    }
  }

  /** Removes a part of a record, or goes on in another segment. */
  async #undo(segment: Segment): Promise<void> {
    if (segment.bytes === 0) {
      this.#closeWriter();
      this.#segments.pop();
      await this.#store.remove(segment.start).catch(() => {});
      return;
    }
    await this.#writer?.truncate(segment.bytes).catch(() => this.#closeWriter());
  }

  #forgetLast(): void {
    this.#storedBytes -= this.#segments.pop()?.bytes ?? 0;
  }

  #closeWriter(): void {
    this.#writer?.close();
    this.#writer = undefined;
  }

  dropOldest(): Promise<boolean> {
    return this.#inTurn(() => this.#dropOldest());
  }

  async #dropOldest(): Promise<boolean> {
    const segment = this.#segments.shift();
    if (segment === undefined) return false;
    this.#storedBytes -= segment.bytes;
    if (this.#hint?.segment === segment) this.#hint = undefined;
    // The one that is being written: what follows goes to a new one.
    if (this.#segments.length === 0) this.#closeWriter();
    await this.#store.remove(segment.start).catch(() => {});
    return true;
  }

  flush(): Promise<void> {
    return this.#inTurn(async () => {
      // What follows goes to a new segment, which is found again.
      if (await this.#writer?.flush() === false) this.#closeWriter();
    });
  }

  async close(): Promise<void> {
    await this.#inTurn(() => Promise.resolve(this.#closeWriter()));
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  async read(position: number, options: SpoolReadOptions): Promise<SpoolPiece> {
    const piece = new PieceBuilder(position, options);
    try {
      let place = await this.#find(position);
      while (place !== undefined) {
        const { segment } = place;
        const offset = await piece.take(this.#store, place);
        this.#hint = { segment, offset, position: piece.next, skip: piece.consumed };
        if (piece.isFull) break;
        place = this.#startOf(this.#after(segment));
      }
    } catch (error) {
      piece.release();
      throw error;
    }
    if (piece.runs.length === 0) piece.skipTo(this.#end);
    return piece;
  }

  #after(segment: Segment): Segment | undefined {
    const index = this.#segments.indexOf(segment);
    if (index >= 0) return this.#segments[index + 1];
    // It has been dropped meanwhile.
    return this.#segments.find(({ start }) => start > segment.start);
  }

  #startOf(segment: Segment | undefined): Place | undefined {
    return segment && { segment, offset: 0, position: segment.start, skip: 0 };
  }

  /** The record that contains a position, or the first one after it. */
  async #find(position: number): Promise<Place | undefined> {
    if (position >= this.#end) return undefined;
    const hint = this.#hint;
    if (hint?.position === position && this.#segments.includes(hint.segment)) return hint;
    const segment = this.#segments.findLast(({ start }) => start <= position) ?? this.#segments[0];
    if (segment === undefined) return undefined;
    for await (const { offset, header } of headersOf(this.#store, segment)) {
      if (header.position + header.advance > position) {
        return { segment, offset, position, skip: Math.max(0, position - header.position) };
      }
    }
    return this.#startOf(this.#after(segment));
  }
}
