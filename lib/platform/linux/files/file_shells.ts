/**
 * The file shells of an agent: started when needed and kept for a short time.
 *
 * @module
 */

import { Timer } from "../../../base/timer.ts";
import { FileShell } from "./file_shell.ts";

const MAX_KEPT = 2;
/** An upload needs one at its beginning and at its end; a start takes 50 to 100 ms under emulation. */
const KEEP_MS = 5000;

/** Shells for consecutive or concurrent requests. */
export class FileShells implements AsyncDisposable {
  readonly #separate: boolean;
  readonly #kept: FileShell[] = [];
  #timer: Timer | undefined;

  /** @param separate Whether they move to the control group for commands. */
  constructor(separate: boolean) {
    this.#separate = separate;
  }

  /** Works with a shell that nothing else uses meanwhile. */
  async use<T>(signal: AbortSignal, work: (shell: FileShell) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const shell = this.#take();
    try {
      return await work(shell);
    } finally {
      if (shell.isIdle && this.#kept.length < MAX_KEPT) this.#keep(shell);
      else await shell.end();
    }
  }

  #take(): FileShell {
    for (let shell = this.#kept.pop(); shell !== undefined; shell = this.#kept.pop()) {
      if (shell.isIdle) return shell;
      void shell.end();
    }
    return new FileShell(this.#separate);
  }

  #keep(shell: FileShell): void {
    this.#kept.push(shell);
    this.#timer?.stop();
    this.#timer = new Timer(KEEP_MS, () => void this.#endAll());
  }

  async #endAll(): Promise<void> {
    await Promise.all(this.#kept.splice(0).map((shell) => shell.end()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.stop();
    await this.#endAll();
  }
}
