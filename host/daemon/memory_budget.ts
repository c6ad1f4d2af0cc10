/**
 * A limit on what all clients together make the daemon keep: half lines, requests under way, and
 * answers that are not read. The client that takes most of it pays.
 *
 * @module
 */

/** What takes memory, and can be made to give it back. */
export interface Holder {
  /** Gives everything back, now. @param why For a person. */
  cutOff(why: string): void;
}

/** Counts bytes for each holder. */
export class MemoryBudget {
  readonly #held = new Map<Holder, number>();
  #total = 0;

  /** @param limit The most bytes, of all holders. */
  constructor(readonly limit: number) {}

  /** What all holders take, in bytes. */
  get total(): number {
    return this.#total;
  }

  /** What one of them takes, in bytes. */
  heldBy(holder: Holder): number {
    return this.#held.get(holder) ?? 0;
  }

  /** Counts bytes that a holder takes, or gives back if negative. */
  add(holder: Holder, bytes: number): void {
    if (bytes === 0) return;
    this.#held.set(holder, this.heldBy(holder) + bytes);
    this.#total += bytes;
    if (bytes > 0 && this.#total > this.limit) this.#cutLargest();
  }

  /** Forgets a holder, which has given everything back. */
  remove(holder: Holder): void {
    this.#total -= this.heldBy(holder);
    this.#held.delete(holder);
  }

  #cutLargest(): void {
    let largest: Holder | undefined;
    for (const [holder, bytes] of this.#held) {
      if (largest === undefined || bytes > this.heldBy(largest)) largest = holder;
    }
    if (largest === undefined) return;
    const megabytes = Math.ceil(this.heldBy(largest) / 2 ** 20);
    this.remove(largest);
    largest.cutOff(`it kept ${megabytes} MiB busy, and all clients together too much`);
  }
}
