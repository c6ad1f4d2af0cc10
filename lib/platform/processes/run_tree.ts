/**
 * Runs one child until it exits, times out or is cancelled.
 *
 * @module
 */

import { countChild, countSpawnedValues } from "../../base/memory/garbage.ts";
import type { Once } from "../../base/memory/once.ts";
import type { CapturedOutput, RunOptions, RunResult } from "../../guest/commands.ts";
import { Capture } from "./capture.ts";
import { watchForInterruption } from "./interruption.ts";
import type { StartTree } from "./process_tree.ts";

const NOTHING: CapturedOutput = { bytes: new Uint8Array(0), truncated: false };

/**
 * Runs a program in a clean environment, without a shell.
 *
 * @param startTree Starts it so that everything it starts can be ended with it.
 * @throws {Deno.errors.NotFound} and other native errors if it cannot be started, and the reason of
 * the signal if that is aborted before the start.
 */
export async function runTree(options: RunOptions, startTree: StartTree): Promise<RunResult> {
  const { maxOutputBytes, input, timeoutMs, signal } = options;
  signal.throwIfAborted();
  countChild();
  countSpawnedValues(Object.keys(options.env).length + options.args.length);
  const start = performance.now();
  const output = maxOutputBytes > 0 ? "piped" : "null";
  const tree = startTree(options, {
    stdin: input === undefined ? "null" : "piped",
    stdout: output,
    stderr: output,
  });
  const { child } = tree;
  options.onStarted?.(child.pid);
  const captures = maxOutputBytes > 0 ? capturesOf(child, options) : [];
  if (input !== undefined) void feed(child, input);

  const interruption = watchForInterruption(timeoutMs, signal);
  let endedBy: RunResult["endedBy"] = "itself";
  let status: Deno.CommandStatus | undefined;
  try {
    const first = await Promise.race([child.status, interruption.happened]);
    if (typeof first === "string") {
      endedBy = first;
      // Or its output might not be read to the end within the time that it gets.
      options.outputShare?.end();
      status = await tree.end(captures.map((capture) => capture.ended));
    } else {
      status = first;
    }
  } finally {
    interruption.forget();
    tree.release();
  }
  options.outputShare?.end();
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

function capturesOf(
  { stdout, stderr }: Deno.ChildProcess,
  { maxOutputBytes, outputShare }: RunOptions,
): readonly Capture[] {
  return outputShare === undefined
    ? [stdout, stderr].map((stream) => new Capture(stream, maxOutputBytes))
    : Capture.pair([stdout, stderr], maxOutputBytes, outputShare);
}

/** Writes the input. A child that exits or closes its input early is not an error. */
async function feed(
  child: Deno.ChildProcess,
  input: Once<Uint8Array<ArrayBuffer>>,
): Promise<void> {
  const writer = child.stdin.getWriter();
  try {
    await writer.write(input.take());
    await writer.close();
  } catch {
    // EPIPE
  }
}
