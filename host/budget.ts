/**
 * How much an agent may send that nobody asked for. A guest is not trusted: one that floods its
 * channel is read more slowly, and holds up nobody but itself.
 *
 * @module
 */

const LINES_PER_SECOND = 1000;
const BYTES_PER_SECOND = 16 * 1024 * 1024;
const MS_PER_SECOND = 1000;

/** A token bucket for unasked lines and their bytes. */
export class UnaskedBudget {
  #lines = LINES_PER_SECOND;
  #bytes = BYTES_PER_SECOND;
  #filledAt: number;

  /** @param now Milliseconds of a clock that never goes back. */
  constructor(readonly now: () => number = () => performance.now()) {
    this.#filledAt = now();
  }

  /**
   * Counts what came; bytes below 0 give back what was counted before.
   *
   * @returns Milliseconds to wait before more is read, usually 0.
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
