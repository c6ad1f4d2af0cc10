/**
 * Runs the agent's fixed scripts in the shell. They can read /proc and /sys, which Deno only allows
 * to a process with all permissions.
 *
 * @module
 */

import { commandFailed, timedOut } from "../../base/errors.ts";
import { PROGRAM_PATH, scriptArgs, SHELL } from "./programs.ts";
import { runChild } from "./processes/run_child.ts";

const MAX_OUTPUT_BYTES = 1024 * 1024;

/** A fixed script; what varies is passed as `$1`, `$2` …, never as code. */
export interface Script {
  readonly code: string;
  readonly args?: readonly string[];
  /** Milliseconds until the script is killed. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Runs a script and returns what it printed on its standard output, whatever its exit status.
 *
 * @throws {RpcError} -32003 after the time limit, -32000 for more than 1 MiB of output.
 * @throws The reason of `signal`.
 */
export async function runScript({ code, args = [], timeoutMs, signal }: Script): Promise<string> {
  const result = await runChild({
    program: SHELL,
    args: scriptArgs(code, ...args),
    workingDirectory: "/",
    env: { PATH: PROGRAM_PATH, LC_ALL: "C" },
    maxOutputBytes: MAX_OUTPUT_BYTES,
    timeoutMs,
    signal,
  });
  signal.throwIfAborted();
  if (result.endedBy !== "itself") {
    throw timedOut(`a script of the agent did not finish within ${timeoutMs} ms and was killed`);
  }
  if (result.stdout.truncated) {
    throw commandFailed(`a script of the agent printed more than ${MAX_OUTPUT_BYTES} bytes`);
  }
  return new TextDecoder().decode(result.stdout.bytes);
}
