/**
 * Ctrl-C, and other signals that ask a program to exit.
 *
 * @module
 */

import { Interrupted } from "./explain.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** An abort signal that process signals trigger; a second signal ends the process. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #onSignal = () => {
    this.#controller.abort(new Interrupted("interrupted"));
    // If something hangs now, the next signal has its default action.
    this[Symbol.dispose]();
  };

  constructor() {
    for (const signal of SIGNALS) Deno.addSignalListener(signal, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, this.#onSignal);
  }
}
