/**
 * Slots for work that takes memory, and a bounded queue for them.
 *
 * @module
 */

/** Limits on what may wait for a slot. */
export interface QueueLimits {
  readonly calls: number;
  /** Bytes that their requests hold in memory together. */
  readonly bytes: number;
}

/**
 * The budget of 50 MiB has room for half a megabyte. A request counts as its text and 100 bytes for
 * each value: 1,000 variables take 52 bytes each when parsed (measured).
 */
export const QUEUE_LIMITS: QueueLimits = { calls: 100, bytes: 512 * 1024 };

/** Slots for running calls, and a bounded queue of waiting calls. */
export class Slots {
  #count: number;
  /** Negative while more calls run than there are slots since {@link resize}. */
  #free: number;
  readonly #waiting = new Set<() => void>();
  #waitingBytes = 0;

  constructor(count: number, readonly limits: QueueLimits = QUEUE_LIMITS) {
    this.#count = count;
    this.#free = count;
  }

  /** Changes the number of slots; running calls keep theirs. */
  resize(count: number): void {
    this.#free += count - this.#count;
    this.#count = count;
    while (this.#free > 0 && this.#waiting.size > 0) {
      this.#free -= 1;
      this.#callNext();
    }
  }

  /** The number of waiting calls. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * The reason to reject a call of this size now, or `undefined`. The first request in the queue
   * may have any size; the message limit bounds it.
   */
  refusal(bytes: number): string | undefined {
    if (this.#free > 0) return undefined;
    const { calls, bytes: most } = this.limits;
    if (this.#waiting.size >= calls) return `${calls} requests are already waiting`;
    if (this.#waiting.size === 0 || this.#waitingBytes + bytes <= most) return undefined;
    return `waiting requests already take ${this.#waitingBytes} bytes; the limit is ${most}`;
  }

  /** Takes a slot if one is free now; returns whether it did. */
  takeFree(): boolean {
    if (this.#free <= 0) return false;
    this.#free -= 1;
    return true;
  }

  /**
   * Resolves once a slot is free, first come, first served.
   *
   * @param bytes What the call holds in memory while it waits.
   * @throws The reason of `signal`, which ends the wait.
   */
  async take(signal: AbortSignal, bytes = 0): Promise<void> {
    signal.throwIfAborted();
    if (this.takeFree()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      this.#waiting.delete(resolve);
      reject(signal.reason);
    };
    this.#waiting.add(resolve);
    this.#waitingBytes += bytes;
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      this.#waitingBytes -= bytes;
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Gives a slot back, to the first waiting call if there is one. */
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
