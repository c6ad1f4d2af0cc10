/**
 * Fixed scripts run by the shell: the way to /proc and /sys, which Deno opens only to processes
 * that may do everything.
 *
 * @module
 */

import { commandFailed, timedOut } from "../../base/errors.ts";
import { PROGRAM_PATH, SHELL } from "./programs.ts";
import { runChild } from "./processes/run_child.ts";

const MAX_OUTPUT_BYTES = 1024 * 1024;

/** A script of the agent's own; what varies is passed as `$1`, `$2` …, never as code. */
export interface Script {
  readonly code: string;
  readonly args?: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Runs a script and returns what it printed; what it says on its standard error is left out. */
export async function runScript({ code, args = [], timeoutMs, signal }: Script): Promise<string> {
  const result = await runChild({
    program: SHELL,
    args: ["-c", code, "sh", ...args],
    workingDirectory: "/",
    env: { PATH: PROGRAM_PATH, LC_ALL: "C" },
    maxOutputBytes: MAX_OUTPUT_BYTES,
    timeoutMs,
    signal,
  });
  signal.throwIfAborted();
  if (result.endedBy !== "itself") throw timedOut(`no answer within ${timeoutMs} ms`);
  if (result.stdout.truncated) {
    throw commandFailed(`the guest's answer is over ${MAX_OUTPUT_BYTES} bytes`);
  }
  return new TextDecoder().decode(result.stdout.bytes);
}
