/**
 * Bounds how many different label values a guest can cause.
 *
 * @module
 */

/** How long a name counts after it was last seen, in milliseconds. */
const KEEP_MS = 3_600_000;

/**
 * The names of one kind that a guest may have in its metrics. A guest chooses the names of its
 * devices and mount points, and each new one is a new series that the server keeps for weeks: so a
 * number of names is admitted, and another one only an hour after one of them was last seen.
 */
export class Admission {
  readonly #seenAt = new Map<string, number>();

  /** @param limit The number of names admitted. */
  constructor(readonly limit: number) {}

  /**
   * The entries whose names are admitted, each name once, in the order given.
   *
   * @param now In milliseconds, of a clock that only goes forward.
   */
  admit<T>(entries: readonly T[], nameOf: (entry: T) => string, now: number): T[] {
    const named = new Map<string, T>();
    for (const entry of entries) {
      const name = nameOf(entry);
      if (!named.has(name)) named.set(name, entry);
    }
    for (const name of named.keys()) {
      if (this.#seenAt.has(name)) this.#seenAt.set(name, now);
    }
    for (const [name, seenAt] of this.#seenAt) {
      if (now - seenAt >= KEEP_MS) this.#seenAt.delete(name);
    }
    const admitted: T[] = [];
    for (const [name, entry] of named) {
      if (!this.#seenAt.has(name)) {
        if (this.#seenAt.size >= this.limit) continue;
        this.#seenAt.set(name, now);
      }
      admitted.push(entry);
    }
    return admitted;
  }
}
