/**
 * Runs a command for the host.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import type { RunOptions, RunResult } from "../../../guest/commands.ts";
import { runTree } from "../../processes/run_tree.ts";
import { explainStartFailure } from "./start_failure.ts";
import { startTree } from "./start_tree.ts";

/**
 * Runs a command.
 *
 * @throws {RpcError} -32002, -32001 or -32000, with the reason, if it cannot be started.
 */
export async function runCommand(options: RunOptions): Promise<RunResult> {
  if (options.mergesOutput === true) {
    throw commandFailed("Windows commands cannot merge their outputs; capture them separately");
  }
  try {
    return await runTree(options, startTree);
  } catch (error) {
    throw explainStartFailure(error, options);
  }
}
