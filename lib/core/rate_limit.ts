/**
 * A limit on requests per second.
 *
 * @module
 */

/**
 * Rounding errors keep sums of fractions slightly below 1: a caller that waited as long as it was
 * told is still accepted.
 */
const ROUNDING = 1e-6;

/**
 * A token bucket: `perSecond` requests per second on average, with a burst of as many after a
 * pause.
 */
export class RateLimit {
  #tokens: number;
  #filledAt: number;

  /** @param now Milliseconds of a monotonic clock. */
  constructor(readonly perSecond: number, readonly now: () => number = () => performance.now()) {
    this.#tokens = perSecond;
    this.#filledAt = now();
  }

  /** Takes one token; returns 0, or the milliseconds until there is one. */
  take(now: number = this.now()): number {
    // A call that arrived before this limit was set gains nothing and loses nothing.
    const gained = Math.max(0, now - this.#filledAt) * this.perSecond / 1000;
    this.#tokens = Math.min(this.perSecond, this.#tokens + gained);
    this.#filledAt = Math.max(this.#filledAt, now);
    if (this.#tokens >= 1 - ROUNDING) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.ceil((1 - this.#tokens) * 1000 / this.perSecond);
  }
}
