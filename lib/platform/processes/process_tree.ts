/**
 * A child and everything that it starts: a process group on Linux, a job object on Windows.
 *
 * @module
 */

import type { RunOptions } from "../../guest/commands.ts";

/** What to start. */
export type Program = Pick<RunOptions, "program" | "args" | "workingDirectory" | "env">;

/** Where its streams go. */
export type Streams = Required<Pick<Deno.CommandOptions, "stdin" | "stdout" | "stderr">>;

/** A started child and everything that it starts. */
export interface ProcessTree {
  readonly child: Deno.ChildProcess;
  /**
   * Ends all of it.
   *
   * @param outputs Resolve when the child's output is closed.
   * @returns The child's status, or `undefined` if it cannot be ended in time.
   */
  end(outputs: readonly Promise<void>[]): Promise<Deno.CommandStatus | undefined>;
  /** Frees what holds it together. Processes that the child left behind keep running. */
  release(): void;
}

/**
 * Starts a program.
 *
 * @throws Native errors if it cannot be started.
 */
export type StartTree = (program: Program, streams: Streams) => ProcessTree;
