/**
 * Ctrl-C and the end of the terminal.
 *
 * @module
 */

import { Interrupted } from "./explain.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** An abort signal that the process' signals fire; a second one ends the process at once. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #onSignal = () => {
    this.#controller.abort(new Interrupted("interrupted"));
    // Whatever hangs by now, the next one does what it does without us.
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
