/**
 * Running one child to its end, its time limit or its cancellation.
 *
 * @module
 */

import { CHILD_GARBAGE_BYTES, countTraffic } from "../../../base/memory/garbage.ts";
import { Capture, type Captured } from "./capture.ts";
import { withTimer } from "../../../base/waiting.ts";
import { signalGroup } from "./process_group.ts";

/** How long the group has between SIGTERM and SIGKILL, and the kernel to end it after that. */
const TERMINATION_GRACE_MS = 2000;

/** What to run and within which limits. */
export interface ChildOptions {
  /** The absolute path of the program. */
  readonly program: string;
  readonly args: readonly string[];
  readonly workingDirectory: string;
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>;
  /** What the child reads on its standard input; without it the input is empty. */
  readonly input?: Uint8Array<ArrayBuffer>;
  /** How many bytes of each output stream are kept; 0 sends both to /dev/null. */
  readonly maxOutputBytes: number;
  /** Milliseconds until the child's group is ended. */
  readonly timeoutMs: number;
  /** Ends the child's group as the time limit does. */
  readonly signal: AbortSignal;
}

/** How a child ended. */
export interface ChildResult {
  /** Its exit status; 128 + the signal's number where a signal ended it. */
  readonly code: number;
  /** The signal that ended it, as `SIGKILL`, or `null`. */
  readonly signal: Deno.Signal | null;
  /** Whether the time limit or the cancellation ended it, and which. */
  readonly endedBy: "itself" | "timeout" | "cancellation";
  readonly stdout: Captured;
  readonly stderr: Captured;
  /** Milliseconds from spawn to end. */
  readonly durationMs: number;
}

const NOTHING: Captured = { bytes: new Uint8Array(0), truncated: false };

/**
 * Runs a program in a process group of its own, in a clean environment, without a shell.
 *
 * @throws {Deno.errors.NotFound} and other native errors when it cannot be started.
 */
export async function runChild(options: ChildOptions): Promise<ChildResult> {
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
  let endedBy: ChildResult["endedBy"] = "itself";
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
  countTraffic(CHILD_GARBAGE_BYTES);
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
