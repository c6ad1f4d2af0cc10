/**
 * Starts a command in a job object of its own.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { withTimer } from "../../../base/waiting.ts";
import type { ProcessTree, Program, Streams } from "../../processes/process_tree.ts";
import { kernel32 } from "../ffi/kernel32.ts";
import { wide } from "../ffi/wide.ts";
import { lastError, WindowsError } from "../ffi/windows_error.ts";
import { foldCase } from "../paths.ts";
import { JobObject } from "./job_object.ts";
import { BAD_EXE_FORMAT, notRunnable } from "./start_failure.ts";

/** What ended commands exit with, as timeout(1) has it. */
const ENDED_CODE = 124;
/** UNICODE_STRING's limit, with the final NUL (CreateProcessW). */
const MAX_COMMAND_LINE = 32_767;
/** How long the kernel may take to end a process. */
const END_MS = 2000;

/**
 * Starts a program. It and everything that it starts ends at the latest with the agent.
 *
 * @throws Native errors if it cannot be started.
 */
export function startTree(
  { program, args, workingDirectory, env }: Program,
  streams: Streams,
): ProcessTree {
  refuseLongCommandLine(program, args);
  refuseOtherFiles(program);
  const job = new JobObject();
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: [...args],
      cwd: workingDirectory,
      clearEnv: true,
      env: withoutDoubles(env),
      ...streams,
    }).spawn();
  } catch (error) {
    job.release();
    throw error;
  }
  assignIfRunning(job, child);
  return {
    child,
    end: async () => {
      job.terminate(ENDED_CODE);
      let status: Deno.CommandStatus | undefined;
      await withTimer(END_MS, child.status.then((ended) => status = ended));
      return status;
    },
    release: () => job.release(),
  };
}

/**
 * Windows ignores the case of variables' names. Of several that differ only in case the first counts:
 * that of the request, not the system's.
 */
function withoutDoubles(env: Readonly<Record<string, string>>): Record<string, string> {
  const first = new Map<string, [name: string, value: string]>();
  for (const [name, value] of Object.entries(env)) {
    const folded = foldCase(name);
    if (!first.has(folded)) first.set(folded, [name, value]);
  }
  return Object.fromEntries(first.values());
}

/** @throws {RpcError} -32000 for more than Windows takes, whatever quoting adds. */
function refuseLongCommandLine(program: string, args: readonly string[]): void {
  const characters = [program, ...args].reduce((sum, { length }) => sum + 1 + length, 0);
  if (characters < MAX_COMMAND_LINE) return;
  throw commandFailed(
    `${program} could not be started: its command line has ${characters} characters or more, and ` +
      `Windows takes ${MAX_COMMAND_LINE}`,
  );
}

/**
 * Deno leaves three handles behind when CreateProcessW refuses a file (Deno 2.9.5).
 *
 * @throws {RpcError} -32000 for a file that is no program.
 */
function refuseOtherFiles(program: string): void {
  if (kernel32.GetBinaryTypeW(wide(program), new Uint32Array(1)) !== 0) return;
  const { code } = lastError("GetBinaryTypeW");
  // Wine gives no reason.
  if (code === BAD_EXE_FORMAT || code === 0) throw notRunnable(program);
}

/** A child that has already ended needs no job. */
function assignIfRunning(job: JobObject, child: Deno.ChildProcess): void {
  try {
    job.assign(child.pid);
  } catch (error) {
    if (!(error instanceof WindowsError)) throw error;
  }
}
