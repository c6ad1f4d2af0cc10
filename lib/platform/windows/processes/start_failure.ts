/**
 * Explains to the host why a command could not be started.
 *
 * @module
 */

import { commandFailed, notFound, permissionDenied, RpcError } from "../../../base/errors.ts";
import type { RunOptions } from "../../../guest/commands.ts";
import { kindOf } from "../programs.ts";

/** What CreateProcessW says of files and arguments (winerror.h). */
const ACCESS_DENIED = 5;
/** Also what GetBinaryTypeW says. */
export const BAD_EXE_FORMAT = 193;
const EXE_MACHINE_TYPE_MISMATCH = 216;
const FILENAME_EXCED_RANGE = 206;
const ELEVATION_REQUIRED = 740;

/** The refusal of a file that is no program, or one for another machine. */
export const notRunnable = (program: string): RpcError =>
  commandFailed(`${program} is not a program that this machine can run`);

/** The error for a command that could not be started; other errors are returned unchanged. */
export function explainStartFailure(
  error: unknown,
  { program, workingDirectory }: Pick<RunOptions, "program" | "workingDirectory">,
): unknown {
  if (error instanceof RpcError || !(error instanceof Error)) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return permissionDenied(
      `the agent is confined: it was started without the right to run ${program}; ` +
        "apply a changed security.command_whitelist with kvmmanager-agent service install",
    );
  }
  const directory = kindOf(workingDirectory);
  if (directory === undefined) {
    return notFound(`the working directory ${workingDirectory} does not exist`);
  }
  if (directory !== "directory") {
    return commandFailed(`the working directory ${workingDirectory} is not a directory`);
  }
  const kind = kindOf(program);
  if (kind === undefined) return notFound(`program not found: ${program}`);
  if (kind === "directory") {
    return permissionDenied(`${program} is a directory, not a program`);
  }
  const code = Number(/\(os error (\d+)\)/.exec(error.message)?.[1]);
  switch (code) {
    case ACCESS_DENIED:
      return permissionDenied(`the agent's user may not execute ${program}`);
    case BAD_EXE_FORMAT:
    case EXE_MACHINE_TYPE_MISMATCH:
      return notRunnable(program);
    case FILENAME_EXCED_RANGE:
      return commandFailed(
        `${program} could not be started: its command line has more than 32,767 characters`,
      );
    case ELEVATION_REQUIRED:
      return permissionDenied(`${program} asks for more rights than the agent has`);
    default:
      return commandFailed(`${program} could not be started: ${error.message}`);
  }
}
