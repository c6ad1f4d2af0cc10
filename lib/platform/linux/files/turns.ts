/**
 * Serializes work by name.
 *
 * @module
 */

import { Aborted } from "../../../base/waiting.ts";

/** Lets work with the same name take turns. */
export class Turns {
  readonly #busy = new Map<string, Promise<void>>();

  /**
   * Waits for a turn and does the work.
   *
   * @throws The signal's reason, if it is aborted first.
   */
  async take<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const aborted = new Aborted(signal);
    using _aborted = aborted;
    for (let before = this.#busy.get(name); before !== undefined; before = this.#busy.get(name)) {
      await Promise.race([before, aborted.happened]);
      signal.throwIfAborted();
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#busy.set(name, promise);
    try {
      return await work();
    } finally {
      this.#busy.delete(name);
      resolve();
    }
  }
}
