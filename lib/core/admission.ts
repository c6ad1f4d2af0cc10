/**
 * Letting requests in: so many a second, so many at once, so many waiting.
 *
 * @module
 */

/** How many requests may wait for a place. */
export const MAX_WAITING = 100;

/** Sums of fractions end a little beside 1: a caller that waited as long as told is let in. */
const ROUNDING = 1e-6;

/**
 * A token bucket: `perSecond` requests a second on average, as many at once after a pause.
 */
export class RateLimit {
  #tokens: number;
  #filledAt: number;

  /** @param now Milliseconds of a clock that never goes back. */
  constructor(readonly perSecond: number, readonly now: () => number = () => performance.now()) {
    this.#tokens = perSecond;
    this.#filledAt = now();
  }

  /** Takes one token; 0 when there was one, else the milliseconds until there is. */
  take(): number {
    const now = this.now();
    const gained = (now - this.#filledAt) * this.perSecond / 1000;
    this.#tokens = Math.min(this.perSecond, this.#tokens + gained);
    this.#filledAt = now;
    if (this.#tokens >= 1 - ROUNDING) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.ceil((1 - this.#tokens) * 1000 / this.perSecond);
  }
}

/** Places for running requests, and a bounded line of those that wait for one. */
export class Places {
  #count: number;
  /** Below zero while more run than there are places by now. */
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number, readonly maxWaiting: number = MAX_WAITING) {
    this.#count = count;
    this.#free = count;
  }

  /** Changes the number of places; who has one keeps it. */
  resize(count: number): void {
    this.#free += count - this.#count;
    this.#count = count;
    while (this.#free > 0 && this.#waiting.size > 0) {
      this.#free -= 1;
      this.#callNext();
    }
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether a request would be turned away now. */
  get isFull(): boolean {
    return this.#free <= 0 && this.#waiting.size >= this.maxWaiting;
  }

  /** Takes a place if there is one now; says whether there was. */
  takeFree(): boolean {
    if (this.#free <= 0) return false;
    this.#free -= 1;
    return true;
  }

  /**
   * Resolves once there is a place, in the order of asking.
   *
   * @throws The reason of `signal`, which ends the waiting.
   */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.takeFree()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      this.#waiting.delete(resolve);
      reject(signal.reason);
    };
    this.#waiting.add(resolve);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Gives a place back: to the first who waits, if any. */
  give(): void {
    if (this.#free < 0 || this.#waiting.size === 0) this.#free += 1;
    else this.#callNext();
  }

  #callNext(): void {
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      return next();
    }
  }
}
