/**
 * Deadlines for what happens in a guest. Under emulation a guest is as slow as the machine is loaded,
 * so other work on the machine must not make a deadline pass.
 *
 * @module
 */

/** How many times slower a guest is for the other work on this machine, at least 1. */
export function slowdown(): number {
  const [lastMinute = 0] = Deno.loadavg();
  return Math.max(1, lastMinute / navigator.hardwareConcurrency);
}

/** A deadline that comes later the more load the machine has meanwhile. */
export class Patience {
  readonly #limitMs: number;
  #spentMs = 0;
  #lastLook = performance.now();

  /** @param limitMs Milliseconds on a machine that does nothing else. */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Whether it has passed; look often, since the load changes. */
  get isOver(): boolean {
    const now = performance.now();
    this.#spentMs += (now - this.#lastLook) / slowdown();
    this.#lastLook = now;
    return this.#spentMs > this.#limitMs;
  }

  /** Resolves when it has passed, or as soon as the signal aborts. */
  async over(signal: AbortSignal): Promise<void> {
    while (!this.isOver && !signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

const LOOK_MS = 50;
