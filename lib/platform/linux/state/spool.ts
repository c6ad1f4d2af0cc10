/**
 * A bounded, append-only sequence of records in segments.
 *
 * @module
 */

import { giveBuffer, takeBuffer } from "../../../base/memory/spare_buffers.ts";
import type {
  Spool,
  SpoolLimits,
  SpoolPiece,
  SpoolReadOptions,
  SpoolRun,
} from "../../../guest/state.ts";
import { HEADER_BYTES, readHeader, type RecordHeader, writeHeader } from "./records.ts";
import type { SegmentStore, SegmentWriter } from "./segments.ts";

/** Segments are a part of what a spool keeps, since they are dropped whole … */
const SEGMENTS_PER_SPOOL = 8;
/** … and neither tiny nor huge files. */
const SEGMENT_BYTES = { least: 16 * 1024, most: 4 * 1024 * 1024 } as const;
/** How much is read at once while looking for a position. */
const SCAN_BYTES = 64 * 1024;
/** How much more than the wanted bytes is read, for headers. */
const SLACK_BYTES = 1024;

interface Segment {
  readonly start: number;
  bytes: number;
}

/** Where to read on. */
interface Place {
  readonly segment: Segment;
  /** Of a record in the segment. */
  readonly offset: number;
  /** The first position to read. */
  readonly position: number;
  /** How many bytes of the record come before that position. */
  readonly skip: number;
}

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
    return this.#inTurn(async () => await this.#writer?.flush());
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

interface FoundHeader {
  readonly offset: number;
  readonly header: RecordHeader;
}

/** The headers of the whole records of a segment. */
async function* headersOf(store: SegmentStore, segment: Segment): AsyncGenerator<FoundHeader> {
  const buffer = takeBuffer(SCAN_BYTES);
  try {
    let offset = 0;
    while (offset < segment.bytes) {
      const read = await store.readAt(segment.start, offset, buffer.subarray(0, SCAN_BYTES));
      let at = 0;
      for (;;) {
        const header = readHeader(buffer.subarray(0, read), at);
        if (header === undefined) break;
        const next = at + HEADER_BYTES + header.length;
        if (offset + next > segment.bytes) return;
        yield { offset: offset + at, header };
        at = next;
      }
      if (at === 0) return;
      offset += at;
    }
  } finally {
    giveBuffer(buffer);
  }
}

async function endOf(store: SegmentStore, segment: Segment): Promise<number> {
  let end = segment.start;
  for await (const { header } of headersOf(store, segment)) end = header.position + header.advance;
  return end;
}

/** Collects records into one buffer. */
class PieceBuilder implements SpoolPiece {
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
