/**
 * Runs one child until it exits, times out or is cancelled.
 *
 * @module
 */

import { countChild, countSpawnedValues } from "../../../base/memory/garbage.ts";
import type { CapturedOutput, RunOptions, RunResult } from "../../../guest/commands.ts";
import { Capture } from "./capture.ts";
import { endGroups, watchForInterruption } from "./interruption.ts";

const NOTHING: CapturedOutput = { bytes: new Uint8Array(0), truncated: false };

/**
 * Runs a program in its own process group, in a clean environment, without a shell.
 *
 * @throws {Deno.errors.NotFound} and other native errors if it cannot be started, and the reason of
 * the signal if that is aborted before the start.
 */
export async function runChild(options: RunOptions): Promise<RunResult> {
  const { maxOutputBytes, input, timeoutMs, signal } = options;
  signal.throwIfAborted();
  countChild();
  countSpawnedValues(Object.keys(options.env).length + options.args.length);
  const start = performance.now();
  const child = spawn(options);
  options.onStarted?.(child.pid);
  const captures = maxOutputBytes > 0
    ? [child.stdout, child.stderr].map((stream) => new Capture(stream, maxOutputBytes))
    : [];
  if (input !== undefined) void feed(child, input);

  const interruption = watchForInterruption(timeoutMs, signal);
  let endedBy: RunResult["endedBy"] = "itself";
  let status: Deno.CommandStatus | undefined;
  try {
    const first = await Promise.race([child.status, interruption.happened]);
    if (typeof first === "string") {
      endedBy = first;
      status = await endGroups(child, captures.map((capture) => capture.ended));
    } else {
      status = first;
    }
  } finally {
    interruption.forget();
  }
  await Promise.all(captures.map((capture) => capture.finish()));
  const [stdout = NOTHING, stderr = NOTHING] = captures.map((capture) => capture.take());
  return {
    code: status?.code ?? -1,
    signal: status?.signal ?? null,
    endedBy,
    isStuck: status === undefined,
    stdout,
    stderr,
    durationMs: Math.round(performance.now() - start),
  };
}

function spawn(options: RunOptions): Deno.ChildProcess {
  const output = options.maxOutputBytes > 0 ? "piped" : "null";
  return new Deno.Command(options.program, {
    args: [...options.args],
    cwd: options.workingDirectory,
    clearEnv: true,
    env: options.env,
    stdin: options.input === undefined ? "null" : "piped",
    stdout: output,
    stderr: output,
    detached: true,
  }).spawn();
}

/** Writes the input. A child that exits or closes its input early is not an error. */
async function feed(child: Deno.ChildProcess, input: Uint8Array<ArrayBuffer>): Promise<void> {
  const writer = child.stdin.getWriter();
  try {
    await writer.write(input);
    await writer.close();
  } catch {
    // EPIPE
  }
}
