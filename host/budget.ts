/**
 * A limit on what an agent sends unasked. A guest is not trusted: one that floods its channel is read
 * more slowly, and delays nobody but itself.
 *
 * @module
 */

const LINES_PER_SECOND = 1000;
const BYTES_PER_SECOND = 16 * 1024 * 1024;
const MS_PER_SECOND = 1000;

/** A token bucket for unsolicited lines and bytes. */
export class UnaskedBudget {
  #lines = LINES_PER_SECOND;
  #bytes = BYTES_PER_SECOND;
  #filledAt: number;

  /** @param now A monotonic clock, in milliseconds. */
  constructor(readonly now: () => number = () => performance.now()) {
    this.#filledAt = now();
  }

  /**
   * Counts what arrived; a negative number of bytes returns what was counted before.
   *
   * @returns Milliseconds to wait before reading more, usually 0.
   */
  spend(lines: number, bytes: number): number {
    const now = this.now();
    const seconds = (now - this.#filledAt) / MS_PER_SECOND;
    this.#filledAt = now;
    this.#lines = Math.min(LINES_PER_SECOND, this.#lines + seconds * LINES_PER_SECOND) - lines;
    this.#bytes = Math.min(BYTES_PER_SECOND, this.#bytes + seconds * BYTES_PER_SECOND) - bytes;
    const missing = Math.max(-this.#lines / LINES_PER_SECOND, -this.#bytes / BYTES_PER_SECOND);
    return Math.max(0, Math.ceil(missing * MS_PER_SECOND));
  }
}
