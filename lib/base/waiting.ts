/**
 * Waiting for an abort or for a limited time, leaving no listener or timer behind.
 *
 * @module
 */

import { Timer } from "./timer.ts";

/** A promise that resolves on abort; disposing of it removes its listener. */
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

/** Resolves when `event` does or after `milliseconds`, and leaves no timer behind. */
export async function withTimer(milliseconds: number, event: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = new Timer(milliseconds, resolve);
  try {
    await Promise.race([event, promise]);
  } finally {
    timer.stop();
  }
}
