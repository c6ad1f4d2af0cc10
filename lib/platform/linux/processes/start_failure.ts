/**
 * Explains to the host why a command could not be started.
 *
 * The kernel's answer is one number for many causes: ENOENT is a missing program, a missing
 * interpreter or a dangling link. So after a failed start the shell examines the file: Deno lets
 * the agent access only its allowed paths.
 *
 * @module
 */

import { commandFailed, notFound, permissionDenied, RpcError } from "../../../base/errors.ts";
import type { RunOptions, RunResult } from "../../../guest/commands.ts";
import { PROGRAM_PATH, scriptArgs, SHELL } from "../programs.ts";
import { HEAD_BYTES, interpreterOf, unsupportedFormat } from "./program_format.ts";
import { runChild } from "./run_child.ts";

const EXAMINE_TIMEOUT_MS = 5000;

/** Prints one word, followed by the first bytes if the file is executable. */
const EXAMINE = `if ! cd -- "$2" 2>/dev/null; then echo no-directory
elif [ -L "$1" ] && [ ! -e "$1" ]; then echo dangling
elif [ ! -e "$1" ]; then echo missing
elif [ -d "$1" ]; then echo directory
elif [ ! -f "$1" ]; then echo special
elif [ ! -x "$1" ]; then echo not-executable
else echo executable; head -c ${HEAD_BYTES} -- "$1" 2>/dev/null
fi`;

/** What the shell sees of a program. */
interface Examined {
  readonly state: string;
  /** The first bytes; empty unless the file can be executed and read. */
  readonly head: Uint8Array<ArrayBuffer>;
}

async function examine(
  { program, workingDirectory, signal }: Pick<
    RunOptions,
    "program" | "workingDirectory" | "signal"
  >,
): Promise<Examined | undefined> {
  if (signal.aborted) return undefined;
  const { stdout, endedBy } = await runChild({
    program: SHELL,
    args: scriptArgs(EXAMINE, program, workingDirectory),
    workingDirectory: "/",
    env: { PATH: PROGRAM_PATH, LC_ALL: "C" },
    maxOutputBytes: HEAD_BYTES + 100,
    timeoutMs: EXAMINE_TIMEOUT_MS,
    signal,
  });
  const end = stdout.bytes.indexOf("\n".charCodeAt(0));
  if (endedBy !== "itself" || end < 0) return undefined;
  const state = new TextDecoder().decode(stdout.bytes.subarray(0, end));
  return { state, head: stdout.bytes.subarray(end + 1) };
}

/**
 * The error for a command that {@link runChild} could not start; other errors are returned
 * unchanged.
 */
export async function explainStartFailure(
  error: unknown,
  options: Pick<RunOptions, "program" | "workingDirectory" | "signal">,
): Promise<unknown> {
  const { program, workingDirectory } = options;
  if (error instanceof RpcError || !(error instanceof Error)) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return permissionDenied(
      `the agent is confined: it was started without the right to run ${program}; ` +
        "restart it to apply a changed security.command_whitelist",
    );
  }
  if (error.message.includes("No such cwd '")) {
    return notFound(`the working directory ${workingDirectory} does not exist`);
  }
  if (error.message.includes("cwd is not a directory '")) {
    return commandFailed(`the working directory ${workingDirectory} is not a directory`);
  }
  if (
    error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied
  ) {
    const isMissing = error instanceof Deno.errors.NotFound;
    return explainExamined(await examine(options), program, workingDirectory, isMissing);
  }
  // E2BIG, ELOOP, EMFILE, ENOMEM …, whose text says what is wrong.
  const kernel = /(?:^|: )([^:]+) \(os error (\d+)\)/.exec(error.message);
  if (kernel === null) return error;
  const advice = kernel[2] === E2BIG ? "; args, env and the program's path are too long" : "";
  return commandFailed(`${program} could not be started: ${kernel[1]}${advice}`);
}

const E2BIG = "7";

function explainExamined(
  examined: Examined | undefined,
  program: string,
  workingDirectory: string,
  isMissing: boolean,
): RpcError {
  switch (examined?.state) {
    case "no-directory":
      return permissionDenied(
        `the agent's user may not enter the working directory ${workingDirectory}`,
      );
    case "dangling":
      return notFound(`${program} is a symbolic link to a file that does not exist`);
    case "directory":
      return permissionDenied(`${program} is a directory, not a program`);
    case "special":
      return permissionDenied(`${program} is not a regular file, so it cannot be executed`);
    case "not-executable":
      return permissionDenied(`${program} is not executable for the agent's user`);
    case "executable":
      return explainExecutable(examined.head, program, isMissing);
    default:
      return isMissing
        ? notFound(`program not found: ${program}`)
        : permissionDenied(`the agent's user may not execute ${program}`);
  }
}

/** The file may be executed; its format or its interpreter is the problem. */
function explainExecutable(head: Uint8Array, program: string, isMissing: boolean): RpcError {
  const problem = unsupportedFormat(head);
  if (problem !== undefined) return unsupported(program, problem);
  const interpreter = interpreterOf(head);
  const named = interpreter === undefined
    ? "interpreter or dynamic loader"
    : `${interpreter.kind} ${quoted(interpreter.path)}`;
  return isMissing
    ? notFound(`${program} needs its ${named}, which does not exist`)
    : permissionDenied(
      `${program} or its ${named} cannot be executed; ` +
        "check permissions and the noexec mount option",
    );
}

/** A path unchanged, or as JSON if it has invisible characters, such as a carriage return. */
const quoted = (path: string) => /^[\x21-\x7e]+$/.test(path) ? path : JSON.stringify(path);

/** The exit statuses of dash and bash if they cannot interpret a file. */
const SHELL_FAILURES: readonly number[] = [2, 126, 127];

/**
 * Rejects the result of a file that the kernel could not run: the C library then hands it to
 * `/bin/sh` (execvp(3)), which is right for a script without `#!` and misleading for binary data.
 *
 * @throws {RpcError} -32000 that says what the file is.
 */
export async function rejectShellFallback(
  { endedBy, code, stderr }: RunResult,
  options: RunOptions,
): Promise<void> {
  if (endedBy !== "itself" || !SHELL_FAILURES.includes(code)) return;
  const { program } = options;
  const start = new TextDecoder().decode(stderr.bytes.subarray(0, 2 * program.length + 100));
  const isFromShell = start.startsWith(`${program}: `) &&
    /^(\d+|line \d+|.*cannot execute binary file)(:|$)/m.test(start.slice(program.length + 2));
  if (!isFromShell) return;
  const examined = await examine(options);
  const problem = examined && unsupportedFormat(examined.head);
  if (problem !== undefined && examined?.state === "executable") {
    throw unsupported(program, problem);
  }
}

const unsupported = (program: string, problem: string) =>
  commandFailed(`${program} is not a program that this machine can run: ${problem}`);
