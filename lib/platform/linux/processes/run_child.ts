/**
 * Running one child to its end, its time limit or its cancellation.
 *
 * @module
 */

import type { CapturedOutput, RunOptions, RunResult } from "../../../guest/commands.ts";
import { countChild } from "../../../base/memory/garbage.ts";
import { Capture } from "./capture.ts";
import { withTimer } from "../../../base/waiting.ts";
import { signalGroup } from "./process_group.ts";

/** How long the group has between SIGTERM and SIGKILL, and the kernel to end it after that. */
const TERMINATION_GRACE_MS = 2000;

const NOTHING: CapturedOutput = { bytes: new Uint8Array(0), truncated: false };

/**
 * Runs a program in a process group of its own, in a clean environment, without a shell.
 *
 * @throws {Deno.errors.NotFound} and other native errors when it cannot be started.
 */
export async function runChild(options: RunOptions): Promise<RunResult> {
  options.signal.throwIfAborted();
  const start = performance.now();
  const output = options.maxOutputBytes > 0 ? "piped" : "null";
  const child = new Deno.Command(options.program, {
    args: [...options.args],
    cwd: options.workingDirectory,
    clearEnv: true,
    env: { ...options.env },
    stdin: options.input === undefined ? "null" : "piped",
    stdout: output,
    stderr: output,
    detached: true,
  }).spawn();
  const captures = output === "piped"
    ? [child.stdout, child.stderr].map((stream) => new Capture(stream, options.maxOutputBytes))
    : [];
  if (options.input !== undefined) void feed(child, options.input);

  const interrupted = interruption(options.timeoutMs, options.signal);
  let endedBy: RunResult["endedBy"] = "itself";
  let status: Deno.CommandStatus | undefined;
  try {
    const first = await Promise.race([child.status, interrupted.happened]);
    if (typeof first === "string") {
      endedBy = first;
      status = await endGroup(child, captures);
    } else {
      status = first;
    }
  } finally {
    interrupted.forget();
  }
  await Promise.all(captures.map((capture) => capture.finish()));
  countChild();
  const [stdout = NOTHING, stderr = NOTHING] = captures.map((capture) => capture.captured);
  return {
    code: status?.code ?? -1,
    signal: status?.signal ?? null,
    endedBy,
    stdout,
    stderr,
    durationMs: Math.round(performance.now() - start),
  };
}

/** A promise for the time limit or the cancellation, whichever comes first, and its clean-up. */
function interruption(timeoutMs: number, signal: AbortSignal) {
  const { promise, resolve } = Promise.withResolvers<"timeout" | "cancellation">();
  const timer = setTimeout(() => resolve("timeout"), timeoutMs);
  const onAbort = () => resolve("cancellation");
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    happened: promise,
    forget: () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    },
  };
}

/**
 * SIGTERM to the group, then, once the child and its output are at their end or the grace is over,
 * SIGKILL for whatever is left of the group.
 *
 * @returns The child's status, or `undefined` for one that not even SIGKILL ends in time (a process
 * in the kernel's uninterruptible sleep).
 */
async function endGroup(
  child: Deno.ChildProcess,
  captures: readonly Capture[],
): Promise<Deno.CommandStatus | undefined> {
  // One that is stopped gets the first only once the second has woken it.
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

/** Writes the input; a child that closes its input early or ends is none of our business. */
async function feed(child: Deno.ChildProcess, input: Uint8Array<ArrayBuffer>): Promise<void> {
  const writer = child.stdin.getWriter();
  try {
    await writer.write(input);
    await writer.close();
  } catch {
    // EPIPE
  }
}
