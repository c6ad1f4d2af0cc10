/**
 * Temporary files and processes of the bench, and their cleanup.
 *
 * @module
 */

import { AGENT_ENVIRONMENT } from "../agent.ts";
import { childrenOf } from "./proc.ts";

const TERMINATION_GRACE_MS = 3000;
const REMOVAL_ATTEMPTS = 10;
const REMOVAL_PAUSE_MS = 100;

/** A temporary directory and the processes started in it; both are removed when disposed of. */
export class Scratch implements AsyncDisposable {
  readonly #children = new Set<Deno.ChildProcess>();
  #names = 0;
  #isOver = false;

  private constructor(
    /** The directory's absolute path, without links. */
    readonly directory: string,
  ) {}

  /** Creates the directory. */
  static async make(): Promise<Scratch> {
    return new Scratch(await Deno.realPath(await Deno.makeTempDir({ prefix: "bench-" })));
  }

  /** An unused path in the directory. */
  newPath(): string {
    return `${this.directory}/${++this.#names}`;
  }

  /**
   * Starts a program; what it prints on standard error is shown.
   *
   * @throws {Error} once disposed of.
   */
  spawn(program: string, args: readonly string[]): Deno.ChildProcess {
    if (this.#isOver) throw new Error(`${program} cannot be started: the bench is over`);
    const child = new Deno.Command(program, {
      args: [...args],
      env: AGENT_ENVIRONMENT,
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
      // Ctrl-C signals the bench only, which ends its children in order.
      detached: true,
    }).spawn();
    this.#children.add(child);
    return child;
  }

  /** Ends a process and its children. */
  async stop(child: Deno.ChildProcess): Promise<void> {
    for (const grandchild of await childrenOf(child.pid)) kill(grandchild, "SIGKILL");
    kill(child, "SIGTERM");
    const timer = setTimeout(() => kill(child, "SIGKILL"), TERMINATION_GRACE_MS);
    await child.status;
    clearTimeout(timer);
    this.#children.delete(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(Array.from(this.#children, (child) => this.stop(child)));
    await removeAll(this.directory);
  }
}

/** Interrupted work may still be writing files, so the directory may not be empty at first. */
async function removeAll(directory: string): Promise<void> {
  for (let left = REMOVAL_ATTEMPTS; left > 0; left--) {
    try {
      return await Deno.remove(directory, { recursive: true });
    } catch (error) {
      if (left === 1) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, REMOVAL_PAUSE_MS));
  }
}

function kill(process: number | Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    if (typeof process === "number") Deno.kill(process, signal);
    else process.kill(signal);
  } catch {
    // It has already exited.
  }
}
