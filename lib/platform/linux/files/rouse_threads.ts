/**
 * Interrupts the system calls of the runtime's threads.
 *
 * @module
 */

import { withTimer } from "../../../base/waiting.ts";
import type { FileShells } from "./file_shells.ts";

const DEADLINE_MS = 2000;
const HERE = { start: "/", names: [] };

/** Interrupts the runtime's threads with SIGUSR2. */
export class ThreadRouser implements Disposable {
  readonly #shells: FileShells;
  readonly #ignore = () => {};
  #isListening = false;
  #underWay: Promise<unknown> = Promise.resolve();

  constructor(shells: FileShells) {
    this.#shells = shells;
  }

  /**
   * Sends the signal to each thread that is blocked on a FIFO. The shell does it: Deno opens /proc
   * and sends signals only for a process that may run everything.
   */
  async rouse(): Promise<void> {
    if (!this.#isListening) {
      // Without a listener the signal would end the process. The listener is never removed: a
      // signal may arrive late.
      Deno.addSignalListener("SIGUSR2", this.#ignore);
      this.#isListening = true;
    }
    const deadline = new AbortController();
    const { signal } = deadline;
    const roused = this.#shells.use(signal, (shell) => shell.ask("rouse", HERE, [], signal));
    this.#underWay = roused.catch(() => {});
    await withTimer(DEADLINE_MS, roused);
    deadline.abort();
    await roused;
  }

  /** Resolves when no signal is being sent. */
  settled(): Promise<unknown> {
    return this.#underWay;
  }

  /** Removes the listener once the shells have ended and no signal can arrive any more. */
  [Symbol.dispose](): void {
    if (this.#isListening) Deno.removeSignalListener("SIGUSR2", this.#ignore);
    this.#isListening = false;
  }
}
