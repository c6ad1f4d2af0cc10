/**
 * Runs one child until it exits, times out or is cancelled.
 *
 * @module
 */

import { countChild, countSpawnedValues } from "../../../base/memory/garbage.ts";
import { Timer } from "../../../base/timer.ts";
import { withTimer } from "../../../base/waiting.ts";
import type { CapturedOutput, RunOptions, RunResult } from "../../../guest/commands.ts";
import { Capture } from "./capture.ts";
import { signalGroup } from "./process_group.ts";

/**
 * How long the group has between SIGTERM and SIGKILL, and how long the kernel may take after that.
 */
const TERMINATION_GRACE_MS = 2000;

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
      status = await endGroup(child, captures);
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

/** A promise for the time limit or the cancellation, whichever comes first, and its clean-up. */
function watchForInterruption(timeoutMs: number, signal: AbortSignal) {
  const { promise, resolve } = Promise.withResolvers<"timeout" | "cancellation">();
  const timer = new Timer(timeoutMs, () => resolve("timeout"));
  const onAbort = () => resolve("cancellation");
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    happened: promise,
    forget: () => {
      timer.stop();
      signal.removeEventListener("abort", onAbort);
    },
  };
}

/**
 * Sends SIGTERM to the group and then, when the child has exited and closed its output or the grace
 * period is over, SIGKILL to whatever is left.
 *
 * @returns The child's status, or `undefined` if even SIGKILL does not end it in time.
 */
async function endGroup(
  child: Deno.ChildProcess,
  captures: readonly Capture[],
): Promise<Deno.CommandStatus | undefined> {
  // A stopped process receives SIGTERM only after SIGCONT has woken it.
  await signalGroup(child, "SIGTERM", "SIGCONT");
  await withTimer(
    TERMINATION_GRACE_MS,
    Promise.all([child.status, ...captures.map((capture) => capture.ended)]),
  );
  await signalGroup(child, "SIGKILL");
  let status: Deno.CommandStatus | undefined;
  await withTimer(TERMINATION_GRACE_MS, child.status.then((ended) => status = ended));
  return status;
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
