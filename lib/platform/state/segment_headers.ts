/**
 * Goes through the records of a segment by their headers.
 *
 * @module
 */

import { giveBuffer, takeBuffer } from "../../base/memory/spare_buffers.ts";
import { HEADER_BYTES, readHeader, type RecordHeader } from "./records.ts";
import type { SegmentStore } from "./segments.ts";

/** How much is read at once while looking for a position. */
const SCAN_BYTES = 64 * 1024;

/** A segment that a spool keeps. */
export interface Segment {
  readonly start: number;
  bytes: number;
}

/** A record's header, and where it is in its segment. */
export interface FoundHeader {
  readonly offset: number;
  readonly header: RecordHeader;
}

/** The headers of the whole records of a segment. */
export async function* headersOf(
  store: SegmentStore,
  segment: Segment,
): AsyncGenerator<FoundHeader> {
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

/** The position after the last whole record of a segment. */
export async function endOf(store: SegmentStore, segment: Segment): Promise<number> {
  let end = segment.start;
  for await (const { header } of headersOf(store, segment)) end = header.position + header.advance;
  return end;
}
