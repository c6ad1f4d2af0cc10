/**
 * A program of root's that runs in the background: outside the broker's sandbox, since package
 * managers and what they run need everything, and with its output passed on as it arrives.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { messageOf } from "../../../base/message_of.ts";
import { Aborted, withTimer } from "../../../base/waiting.ts";
import type { BackgroundOptions } from "../../../privileged/operation.ts";
import { PipeReader } from "../../processes/pipe_reader.ts";
import { signalGroup } from "../processes/process_group.ts";
import { PROGRAM_PATH, programPath } from "../programs.ts";
import { runProgram } from "./root_tools.ts";

/** Exists while systemd runs the guest (sd_booted(3)). */
const SYSTEMD_DIRECTORY = "/run/systemd/system";
/** How long a program that was interrupted has to end. */
const GRACE_SECONDS = 90;
/** What root's files are expected to have; the broker's own is stricter. */
const UMASK = 0o022;

/** Gets what the program prints. The bytes are valid until it resolves. */
export type OutputHandler = (stream: "stdout" | "stderr", bytes: Uint8Array) => Promise<void>;

/** What {@link runBackgroundProgram} needs besides the program. */
export interface BackgroundProgramOptions extends BackgroundOptions {
  /** The name of its unit, where there is systemd. */
  readonly unit: string;
  readonly onStarted: (pid: number) => Promise<void>;
  readonly onOutput: OutputHandler;
  /** Interrupts it, as Ctrl-C does; kills it 90 s later. */
  readonly signal: AbortSignal;
}

/**
 * Runs a program until it ends, under systemd as a unit of its own.
 *
 * @returns Its exit status; 128 + the signal's number if a signal killed it.
 * @throws {RpcError} -32000 if it is not installed or cannot be started.
 * @throws The reason of `signal`.
 */
export async function runBackgroundProgram(
  program: string,
  args: readonly string[],
  { env = {}, unit, onStarted, onOutput, signal }: BackgroundProgramOptions,
): Promise<number> {
  signal.throwIfAborted();
  const path = program.startsWith("/") ? program : programPath(program);
  if (path === undefined) {
    throw commandFailed(`this guest has no program ${program}; install it`, { program });
  }
  const environment = { PATH: PROGRAM_PATH, HOME: "/root", LC_ALL: "C", ...env };
  const hasSystemd = isDirectory(SYSTEMD_DIRECTORY);
  const [command = path, ...words] = hasSystemd
    ? asUnit(unit, [path, ...args], environment)
    : [path, ...args];
  const child = start(command, words, environment);
  await onStarted(child.pid);
  const readers = [
    new PipeReader(child.stdout, (bytes) => onOutput("stdout", bytes)),
    new PipeReader(child.stderr, (bytes) => onOutput("stderr", bytes)),
  ];
  const cancelled = new Aborted(signal);
  using _cancelled = cancelled;
  const first = await Promise.race([child.status, cancelled.happened]);
  if (first === undefined) await interrupt(child, hasSystemd ? unit : undefined);
  const { code } = await child.status;
  await Promise.all(readers.map((reader) => reader.finish()));
  signal.throwIfAborted();
  return code;
}

/** The command line that runs another one as a unit and waits for it. */
function asUnit(
  unit: string,
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): string[] {
  const path = programPath("systemd-run");
  if (path === undefined) throw commandFailed("this guest has no program systemd-run; install it");
  return [
    path,
    ...["--quiet", "--collect", "--wait", "--pipe"],
    `--unit=${unit}`,
    `--description=${command[0]} for the host, by kvmmanager-agent`,
    // As Ctrl-C at a terminal: every process gets it, and dpkg ends in order.
    "--property=KillSignal=SIGINT",
    `--property=TimeoutStopSec=${GRACE_SECONDS}`,
    ...Object.entries(environment).map(([name, value]) => `--setenv=${name}=${value}`),
    "--",
    ...command,
  ];
}

function start(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Deno.ChildProcess {
  const before = Deno.umask(UMASK);
  try {
    return new Deno.Command(program, {
      args: [...args],
      cwd: "/",
      clearEnv: true,
      env: { ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
  } catch (error) {
    throw commandFailed(`${program} cannot be started: ${messageOf(error)}`);
  } finally {
    Deno.umask(before);
  }
}

async function interrupt(child: Deno.ChildProcess, unit: string | undefined): Promise<void> {
  if (unit === undefined) {
    await signalGroup(child, "SIGINT", "SIGCONT");
    let hasEnded = false;
    await withTimer(GRACE_SECONDS * 1000, child.status.then(() => void (hasEnded = true)));
    if (!hasEnded) await signalGroup(child, "SIGKILL");
    return;
  }
  const never = new AbortController().signal;
  await runProgram("systemctl", ["stop", "--", unit], never, {
    timeoutMs: (GRACE_SECONDS + 30) * 1000,
  });
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
