/**
 * kvmmanager-hostd as users run it: with the flags of its task only.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { taskFlags } from "../../../scripts/task_flags.ts";
import { until, within } from "../../_waiting.ts";

const DEADLINE_MS = 30_000;
const MAIN = fromFileUrl(new URL("../../../host/daemon/main.ts", import.meta.url));

/** The program and its arguments, for a command line. */
export const hostdWords = (args: readonly string[]): string[] => [
  Deno.execPath(),
  "run",
  "--quiet",
  ...taskFlags("hostd"),
  MAIN,
  ...args,
];

/** A daemon's process. */
export class HostdProcess implements AsyncDisposable {
  stderr = "";
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  #hasEnded = false;

  constructor(args: readonly string[]) {
    const [program = "", ...words] = hostdWords(args);
    this.#child = new Deno.Command(program, {
      args: words,
      stdin: "null",
      stdout: "inherit",
      stderr: "piped",
    }).spawn();
    this.#reading = this.#read();
  }

  /** Starts one and waits until it serves. */
  static async start(args: readonly string[]): Promise<HostdProcess> {
    const hostd = new HostdProcess(args);
    await hostd.says("serving");
    return hostd;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Waits until its log has the text. */
  async says(text: string): Promise<void> {
    await until(() => this.stderr.includes(text) || this.#hasEnded, () => this.stderr, DEADLINE_MS);
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for its end; resolves to its exit status. */
  async ended(): Promise<number> {
    const { code } = await within(this.#child.status, "the daemon's end", DEADLINE_MS);
    await this.#reading;
    return code;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stderr) {
      this.stderr += decoder.decode(chunk, { stream: true });
    }
    this.#hasEnded = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) {
      try {
        this.kill("SIGKILL");
      } catch {
        // It has just ended.
      }
    }
    await this.#child.status;
    await this.#reading;
  }
}
