/**
 * Starts a command for the host whose output is delivered as it arrives.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import type { StartedCommand, StartOptions } from "../../../guest/commands.ts";
import { separated } from "./command_cgroup.ts";
import { CommandTree } from "./command_tree.ts";
import { startChild } from "./start_child.ts";
import { explainStartFailure } from "./start_failure.ts";
import { inTerminal, terminalProblem } from "./terminal.ts";

/**
 * Starts a command.
 *
 * @param isSeparate Whether it runs in the control group for commands instead of the agent's.
 * @throws {RpcError} -32002, -32001 or -32000, with the reason, if it cannot be started.
 */
export async function startCommand(
  options: StartOptions,
  isSeparate: boolean,
): Promise<StartedCommand> {
  options.signal.throwIfAborted();
  const { terminal } = options;
  try {
    let started = options;
    if (terminal !== undefined) {
      const problem = terminalProblem();
      if (problem !== undefined) throw commandFailed(problem);
      started = { ...options, ...inTerminal(options, terminal) };
    }
    const tree = isSeparate ? new CommandTree() : undefined;
    // A shell starts the program: what would fail later is found out now.
    if (terminal !== undefined || isSeparate) {
      started = { ...started, ...await separated(options, started, isSeparate, tree) };
    }
    return startChild(started, tree);
  } catch (error) {
    throw await explainStartFailure(error, options);
  }
}
