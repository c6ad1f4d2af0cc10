/**
 * Runs one child in a process group of its own.
 *
 * @module
 */

import type { RunOptions, RunResult } from "../../../guest/commands.ts";
import type { ProcessTree, Program, Streams } from "../../processes/process_tree.ts";
import { runTree } from "../../processes/run_tree.ts";
import { endGroups } from "./end_groups.ts";

/**
 * Runs a program in its own process group, in a clean environment, without a shell.
 *
 * @throws {Deno.errors.NotFound} and other native errors if it cannot be started, and the reason of
 * the signal if that is aborted before the start.
 */
export async function runChild(options: RunOptions): Promise<RunResult> {
  return await runTree(options, startGroup);
}

function startGroup(
  { program, args, workingDirectory, env }: Program,
  streams: Streams,
): ProcessTree {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd: workingDirectory,
    clearEnv: true,
    env,
    ...streams,
    detached: true,
  }).spawn();
  return { child, end: (outputs) => endGroups(child, outputs), release: () => {} };
}
