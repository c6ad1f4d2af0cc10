/**
 * Work done strictly one after the other.
 *
 * @module
 */

/** Work that is done at once returns nothing. */
type Work = () => Promise<void> | undefined;

/** Does work in the order in which it comes. */
export class Turns {
  #waiting: Work[] = [];
  #running: Promise<void> | undefined;

  /** Does the work now if nothing is under way, else in its turn. It must not reject. */
  take(work: Work): void {
    if (this.#running !== undefined) {
      this.#waiting.push(work);
      return;
    }
    const running = work();
    if (running !== undefined) this.#running = this.#runOn(running);
  }

  /** Resolves when nothing is under way; `undefined` if nothing is. */
  ended(): Promise<void> | undefined {
    return this.#running;
  }

  async #runOn(first: Promise<void>): Promise<void> {
    await first;
    while (this.#waiting.length > 0) {
      const works = this.#waiting;
      this.#waiting = [];
      for (const work of works) await work();
    }
    this.#running = undefined;
  }
}
