/**
 * What the broker's operations use: programs and mounts.
 *
 * @module
 */

import { commandFailed, timedOut } from "../../../base/errors.ts";
import { Once } from "../../../base/memory/once.ts";
import type { ProgramOptions, ProgramResult, Root } from "../../../privileged/operation.ts";
import { runChild } from "../processes/run_child.ts";
import { PROGRAM_PATH, programPath } from "../programs.ts";
import { blockMounts, loopDevicesIn } from "./block_mounts.ts";
import { type ProcessTable, startTime } from "./peer.ts";
import { textOfPaths } from "./path_text.ts";
import { holdProcess } from "./signals.ts";

const MAX_OUTPUT_BYTES = 1024 * 1024;
const TIMEOUT_MS = 60_000;

/**
 * Runs an installed program in a clean environment, without a shell.
 *
 * @throws {RpcError} -32000 if it is not installed, -32003 if it takes too long.
 * @throws The reason of `signal`.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const { code, stdout, stderr } = await run(program, args, signal, options);
  const text = new TextDecoder();
  return {
    code,
    stdout: text.decode(stdout.bytes),
    stderr: text.decode(stderr.bytes),
  };
}

async function run(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  { input = "", timeoutMs = TIMEOUT_MS }: ProgramOptions = {},
) {
  const path = programPath(program);
  if (path === undefined) {
    throw commandFailed(`this guest has no program ${program}; install it`, { program });
  }
  const result = await runChild({
    program: path,
    args,
    workingDirectory: "/",
    env: { PATH: PROGRAM_PATH, LC_ALL: "C" },
    ...input === "" ? {} : { input: new Once(new TextEncoder().encode(input)) },
    maxOutputBytes: MAX_OUTPUT_BYTES,
    timeoutMs,
    signal,
  });
  signal.throwIfAborted();
  if (result.endedBy === "timeout") {
    throw timedOut(`${program} did not finish within ${timeoutMs / 1000} s and was killed`);
  }
  return result;
}

/**
 * The text of a file in /proc or /sys, which Deno lets only `cat` read; `undefined` if there is no
 * such file.
 */
async function kernelFile(path: string, signal: AbortSignal): Promise<string | undefined> {
  return await kernelFiles([path], signal);
}

/** The texts of several such files, one after the other; `undefined` if one is missing. */
async function kernelFiles(
  paths: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const { code, stdout } = await run("cat", paths, signal);
  return code === 0 ? textOfPaths(stdout.bytes) : undefined;
}

/** The mounted file systems with a block device. */
export async function readBlockMounts(signal: AbortSignal): ReturnType<Root["mounts"]> {
  const mountInfo = await kernelFile("/proc/self/mountinfo", signal);
  if (mountInfo === undefined) throw commandFailed("/proc/self/mountinfo cannot be read");
  const backingFiles = new Map<string, string>();
  for (const device of loopDevicesIn(mountInfo)) {
    const file = await kernelFile(`/sys/block/${device}/loop/backing_file`, signal);
    if (file !== undefined) backingFiles.set(device, file.replace(/\n$/, ""));
  }
  return blockMounts(mountInfo, backingFiles);
}

/**
 * Sends a signal to the process with this number and start, whoever owns it; see
 * `Root.signalProcess`.
 */
export async function signalProcess(
  { pid, startTicks }: Parameters<Root["signalProcess"]>[0],
  name: Deno.Signal,
  mayReach: (uid: number) => Promise<void>,
  signal: AbortSignal,
): Promise<boolean> {
  // Held before it is looked at: what is signalled is what was looked at.
  const held = holdProcess(pid);
  if (held === undefined) return false;
  using _held = held;
  const stat = await kernelFile(`/proc/${pid}/stat`, signal);
  const status = await kernelFile(`/proc/${pid}/status`, signal);
  const uid = /^Uid:\t(\d+)/m.exec(status ?? "")?.[1];
  if (startTime(stat) !== startTicks || uid === undefined) return false;
  await mayReach(Number(uid));
  return held.send(name);
}

/** The processes of this guest, as systemd and the kernel know them. */
export const systemProcesses = (signal: AbortSignal): ProcessTable => ({
  mainPids: async (units) => {
    const args = ["show", "--property=MainPID", "--value", "--", ...units];
    const { code, stdout } = await runProgram("systemctl", args, signal);
    return code === 0 ? stdout.split(/\n+/).filter((line) => line !== "").map(Number) : [];
  },
  // One `cat`, as each program delays the answer. The kernel escapes line breaks in a name.
  stats: async (pid) => {
    const paths = [pid, Deno.pid].map((id) => `/proc/${id}/stat`);
    return (await kernelFiles(paths, signal))?.trimEnd().split("\n");
  },
});
