/**
 * Slots for work that takes memory, and a bounded queue for them.
 *
 * @module
 */

/** Limits on what may wait for a slot, and on what runs. */
export interface SlotLimits {
  /** Calls that wait. */
  readonly calls: number;
  /** Bytes that the requests of the waiting calls hold in memory together. */
  readonly bytes: number;
  /** Bytes that those of the running calls hold together; one call may hold more. */
  readonly runningBytes: number;
}

/**
 * The budget of 50 MiB has room for a megabyte: for ten of the largest requests that run, and half a
 * megabyte that waits. A request counts as its text and 100 bytes for each value: 1,000 variables
 * take 52 bytes each when parsed (measured).
 */
export const SLOT_LIMITS: SlotLimits = {
  calls: 100,
  bytes: 512 * 1024,
  runningBytes: 672 * 1024,
};

/** A call in the queue. */
interface Waiting {
  readonly bytes: number;
  readonly enter: () => void;
}

/** Slots for running calls, and a bounded queue of waiting calls. */
export class Slots {
  #count: number;
  /** Negative while more calls run than there are slots since {@link resize}. */
  #free: number;
  #runningBytes = 0;
  readonly #waiting = new Set<Waiting>();
  #waitingBytes = 0;

  constructor(count: number, readonly limits: SlotLimits = SLOT_LIMITS) {
    this.#count = count;
    this.#free = count;
  }

  /** Changes the number of slots; running calls keep theirs. */
  resize(count: number): void {
    this.#free += count - this.#count;
    this.#count = count;
    this.#letIn();
  }

  /** The number of waiting calls. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Bytes that the requests of all calls hold in memory together. */
  get heldBytes(): number {
    return this.#runningBytes + this.#waitingBytes;
  }

  /**
   * The reason to reject a call of this size now, or `undefined`. The first request in the queue
   * may have any size; the message limit bounds it.
   */
  refusal(bytes: number): string | undefined {
    if (this.#isFree(bytes)) return undefined;
    const { calls, bytes: most } = this.limits;
    if (this.#waiting.size >= calls) return `${calls} requests are already waiting`;
    if (this.#waiting.size === 0 || this.#waitingBytes + bytes <= most) return undefined;
    return `waiting requests already take ${this.#waitingBytes} bytes; the limit is ${most}`;
  }

  /**
   * Takes a slot if one is free now; returns whether it did.
   *
   * @param bytes As in {@link take}.
   */
  takeFree(bytes = 0): boolean {
    if (!this.#isFree(bytes)) return false;
    this.#enter(bytes);
    return true;
  }

  /**
   * Resolves once a slot is free, first come, first served.
   *
   * @param bytes What the call holds in memory while it waits and runs.
   * @throws The reason of `signal`, which ends the wait.
   */
  async take(signal: AbortSignal, bytes = 0): Promise<void> {
    signal.throwIfAborted();
    if (this.takeFree(bytes)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { bytes, enter: resolve };
    const onAbort = () => {
      if (!this.#leave(waiting)) return;
      reject(signal.reason);
      // It may have been in the way of smaller ones.
      this.#letIn();
    };
    this.#waiting.add(waiting);
    this.#waitingBytes += bytes;
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** A running call no longer holds these bytes, though it keeps its slot. */
  drop(bytes: number): void {
    this.#runningBytes -= bytes;
    this.#letIn();
  }

  /**
   * Gives a slot back.
   *
   * @param bytes What its call still held.
   */
  give(bytes = 0): void {
    this.#free += 1;
    this.drop(bytes);
  }

  /** Whether a call could enter that nobody is ahead of. */
  #fits(bytes: number): boolean {
    if (this.#free <= 0) return false;
    return this.#runningBytes === 0 || this.#runningBytes + bytes <= this.limits.runningBytes;
  }

  #isFree(bytes: number): boolean {
    return this.#waiting.size === 0 && this.#fits(bytes);
  }

  #enter(bytes: number): void {
    this.#free -= 1;
    this.#runningBytes += bytes;
  }

  /** Takes a call out of the queue; returns whether it was in it. */
  #leave(waiting: Waiting): boolean {
    const wasThere = this.#waiting.delete(waiting);
    if (wasThere) this.#waitingBytes -= waiting.bytes;
    return wasThere;
  }

  #letIn(): void {
    for (const waiting of this.#waiting) {
      if (!this.#fits(waiting.bytes)) return;
      this.#leave(waiting);
      this.#enter(waiting.bytes);
      waiting.enter();
    }
  }
}
