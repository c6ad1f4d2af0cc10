/**
 * Computes SHA-256 of data that does not fit into memory.
 *
 * `crypto.subtle` needs all bytes at once, `node:crypto` takes 9.6 MB of memory, and JavaScript
 * without a JIT compiler hashes 2.5 MB per second while nothing else runs. sha256sum(1), which
 * every guest has, hashes 285 MB per second through a pipe, in another process.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { Aborted, withTimer } from "../../../base/waiting.ts";
import { signalGroup } from "../processes/process_group.ts";
import { scriptArgs } from "../programs.ts";
import { spawnShell } from "../shell_child.ts";

/** How long the kernel may take to end a process. */
const EXIT_MS = 2000;

/** Fills the beginning of the buffer with the next bytes; resolves to their number, 0 at the end. */
export type NextBytes = (buffer: Uint8Array) => Promise<number>;

/** Options for hashing. */
export interface HashOptions {
  /** The buffer for the bytes. */
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

/**
 * The SHA-256 of the bytes from `next`, as 64 hexadecimal digits.
 *
 * @throws {RpcError} -32000 if the guest has no sha256sum.
 * @throws Whatever `next` throws, and the signal's reason.
 */
export async function sha256(next: NextBytes, { buffer, signal }: HashOptions): Promise<string> {
  signal.throwIfAborted();
  // The agent may always run the shell, but other programs only if they are whitelisted.
  const child = spawnShell(scriptArgs("exec sha256sum"));
  const aborted = new Aborted(signal);
  using _aborted = aborted;
  // A write to a stopped process would block forever.
  void aborted.happened.then(() => signalGroup(child, "SIGKILL"));
  const writer = child.stdin.getWriter();
  try {
    for (;;) {
      const filled = await next(buffer);
      if (filled === 0) break;
      await writer.write(buffer.subarray(0, filled));
    }
    await writer.close();
  } catch (error) {
    await signalGroup(child, "SIGKILL");
    await withTimer(
      EXIT_MS,
      Promise.allSettled([writer.abort(), child.stdout.cancel(), child.status]),
    );
    signal.throwIfAborted();
    throw error instanceof Deno.errors.BrokenPipe ? noProgram() : error;
  }
  const text = await new Response(child.stdout).text();
  await child.status;
  signal.throwIfAborted();
  const digest = /^[0-9a-f]{64}/.exec(text)?.[0];
  if (digest === undefined) throw noProgram();
  return digest;
}

const noProgram = () => commandFailed("the guest has no sha256sum, which is needed for SHA-256");
