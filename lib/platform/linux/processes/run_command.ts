/**
 * Runs a command for the host: a child process whose start failures are explained.
 *
 * @module
 */

import type { RunOptions, RunResult } from "../../../guest/commands.ts";
import { runInCommandCgroup, runWithMergedOutput } from "./command_cgroup.ts";
import { runChild } from "./run_child.ts";
import { explainStartFailure, rejectShellFallback } from "./start_failure.ts";

/**
 * Runs a command.
 *
 * @param isSeparate Whether it runs in the control group for commands instead of the agent's.
 * @throws {RpcError} -32002, -32001 or -32000, with the reason, if it cannot be started.
 */
export async function runCommand(options: RunOptions, isSeparate: boolean): Promise<RunResult> {
  options.signal.throwIfAborted();
  let result: RunResult;
  try {
    result = await run(options, isSeparate);
  } catch (error) {
    throw await explainStartFailure(error, options);
  }
  await rejectShellFallback(result, options);
  return result;
}

async function run(options: RunOptions, isSeparate: boolean): Promise<RunResult> {
  if (options.mergesOutput === true) return await runWithMergedOutput(options, isSeparate);
  return await (isSeparate ? runInCommandCgroup(options) : runChild(options));
}
