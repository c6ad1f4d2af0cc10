/**
 * Segments in memory, for an agent that cannot use its state directory.
 *
 * @module
 */

import type { FoundSegment, SegmentStore, SegmentWriter } from "./segments.ts";

class MemorySegment implements SegmentWriter {
  #bytes = new Uint8Array(0);
  size = 0;

  write(bytes: Uint8Array): Promise<void> {
    const needed = this.size + bytes.byteLength;
    if (needed > this.#bytes.byteLength) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.byteLength));
      larger.set(this.#bytes.subarray(0, this.size));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.size);
    this.size = needed;
    return Promise.resolve();
  }

  readAt(offset: number, target: Uint8Array): number {
    const found = this.#bytes.subarray(offset, Math.min(this.size, offset + target.byteLength));
    target.set(found);
    return found.byteLength;
  }

  truncate(bytes: number): Promise<void> {
    this.size = Math.min(this.size, bytes);
    return Promise.resolve();
  }

  flush(): Promise<boolean> {
    return Promise.resolve(true);
  }

  close(): void {
    this.#bytes = this.#bytes.slice(0, this.size);
  }
}

/** The segments of one spool, in memory. */
export class MemorySegments implements SegmentStore {
  readonly #segments = new Map<number, MemorySegment>();

  list(): Promise<readonly FoundSegment[]> {
    return Promise.resolve(
      [...this.#segments].map(([start, { size }]) => ({ start, bytes: size })),
    );
  }

  create(start: number): Promise<SegmentWriter> {
    const segment = new MemorySegment();
    this.#segments.set(start, segment);
    return Promise.resolve(segment);
  }

  readAt(start: number, offset: number, target: Uint8Array): Promise<number> {
    return Promise.resolve(this.#segments.get(start)?.readAt(offset, target) ?? 0);
  }

  remove(start: number): Promise<void> {
    this.#segments.delete(start);
    return Promise.resolve();
  }
}
