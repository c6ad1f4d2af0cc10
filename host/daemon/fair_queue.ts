/**
 * Slots that are handed out in turns: each owner that waits gets one before another gets its second.
 *
 * @module
 */

interface Waiter {
  readonly start: () => void;
}

/** A limited number of slots, shared fairly between owners. */
export class FairQueue<Owner> {
  readonly #queues = new Map<Owner, Set<Waiter>>();
  #free: number;

  /** @param slots How many may be taken at once. */
  constructor(slots: number) {
    this.#free = slots;
  }

  /**
   * Waits for a slot, which {@link give} must return.
   *
   * @throws The signal's reason, if it is aborted first; then no slot is taken.
   */
  async take(owner: Owner, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { start: resolve };
    this.#queueOf(owner).add(waiter);
    const onAbort = () => {
      this.#drop(owner, waiter);
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    await promise.finally(() => signal.removeEventListener("abort", onAbort));
  }

  /** Returns a slot: the next owner in turn gets it. */
  give(): void {
    for (const [owner, queue] of this.#queues) {
      // To the end of the turn, if it has more.
      this.#queues.delete(owner);
      for (const waiter of queue) {
        queue.delete(waiter);
        if (queue.size > 0) this.#queues.set(owner, queue);
        return waiter.start();
      }
    }
    this.#free += 1;
  }

  #queueOf(owner: Owner): Set<Waiter> {
    const known = this.#queues.get(owner);
    if (known !== undefined) return known;
    const queue = new Set<Waiter>();
    this.#queues.set(owner, queue);
    return queue;
  }

  #drop(owner: Owner, waiter: Waiter): void {
    const queue = this.#queues.get(owner);
    if (queue?.delete(waiter) && queue.size === 0) this.#queues.delete(owner);
  }
}
