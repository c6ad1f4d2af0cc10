/**
 * Where a spool keeps its records: segments, each of which starts at a position.
 *
 * @module
 */

/** A segment that was found when the spool was opened. */
export interface FoundSegment {
  /** The position of its first record. */
  readonly start: number;
  readonly bytes: number;
}

/** A segment that is being written. */
export interface SegmentWriter {
  /** Appends all bytes. After a failure, a part of them may have been written. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Resolves when everything written is on disk, to whether it can be found there: not if the segment
   * was removed while it was being written.
   */
  flush(): Promise<boolean>;
  /** Discards everything beyond the first `bytes` bytes. */
  truncate(bytes: number): Promise<void>;
  close(): void;
}

/** The segments of one spool. */
export interface SegmentStore {
  /** All segments, in any order. */
  list(): Promise<readonly FoundSegment[]>;
  /** Creates a segment, or empties the one that is there. */
  create(start: number): Promise<SegmentWriter>;
  /** Fills the target from an offset on, or until the segment ends; returns the number of bytes. */
  readAt(start: number, offset: number, target: Uint8Array): Promise<number>;
  /** Removes a segment; one that is missing is no error. */
  remove(start: number): Promise<void>;
}
