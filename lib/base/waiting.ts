/**
 * Waiting for an abort without leaving listeners behind.
 *
 * @module
 */

/** A promise that resolves on abort, and takes its listener back when disposed of. */
export class Aborted implements Disposable {
  readonly happened: Promise<void>;
  readonly #signal: AbortSignal;
  readonly #onAbort: () => void;

  constructor(signal: AbortSignal) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.happened = promise;
    this.#signal = signal;
    this.#onAbort = () => resolve();
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}
