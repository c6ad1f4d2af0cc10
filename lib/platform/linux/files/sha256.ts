/**
 * SHA-256 of what does not fit memory.
 *
 * `crypto.subtle` wants all bytes at once, `node:crypto` costs the agent 9.6 MB, and JavaScript
 * without a JIT compiler hashes 2.5 MB a second while nothing else runs. sha256sum(1), which every
 * guest has, does 285 MB a second through a pipe, beside us.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { PROGRAM_PATH, SHELL } from "../programs.ts";

/** Fills the buffer's beginning with the next bytes; resolves to how many, 0 at the end. */
export type NextBytes = (buffer: Uint8Array) => Promise<number>;

/**
 * The SHA-256 of the bytes that `next` gives, as 64 hexadecimal digits.
 *
 * @param buffer What the bytes pass through.
 * @throws {RpcError} -32000 where the guest has no sha256sum; whatever `next` throws.
 */
export async function sha256(
  next: NextBytes,
  buffer: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const child = new Deno.Command(SHELL, {
    // The agent's permissions have the shell whatever the configuration, and nothing else.
    args: ["-c", "exec sha256sum"],
    cwd: "/",
    clearEnv: true,
    env: { PATH: PROGRAM_PATH, LC_ALL: "C" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    detached: true,
  }).spawn();
  const writer = child.stdin.getWriter();
  try {
    for (;;) {
      const filled = await next(buffer);
      if (filled === 0) break;
      await writer.write(buffer.subarray(0, filled));
    }
    await writer.close();
  } catch (error) {
    // Without input it ends by itself.
    await Promise.allSettled([writer.abort(), child.stdout.cancel(), child.status]);
    throw error instanceof Deno.errors.BrokenPipe ? noProgram() : error;
  }
  const text = await new Response(child.stdout).text();
  await child.status;
  const digest = /^[0-9a-f]{64}/.exec(text)?.[0];
  if (digest === undefined) throw noProgram();
  return digest;
}

const noProgram = () => commandFailed("the guest has no sha256sum, which computes SHA-256");
