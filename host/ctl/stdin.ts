/**
 * Standard input that is read to its end.
 *
 * @module
 */

import { Aborted } from "../../lib/base/waiting.ts";
import { UsageError } from "../../lib/base/command_line.ts";

/**
 * All of standard input.
 *
 * @param most How many bytes it may have.
 * @throws {UsageError} when it has more; the signal's reason when that is aborted first.
 */
export async function readStdin(signal: AbortSignal, most: number): Promise<Uint8Array> {
  const aborted = new Aborted(signal);
  using _aborted = aborted;
  // A read that is parked there is left behind; the process ends.
  const bytes = await Promise.race([readAll(most), aborted.happened]);
  signal.throwIfAborted();
  return bytes ?? new Uint8Array(0);
}

async function readAll(most: number): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of Deno.stdin.readable) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > most) {
      throw new UsageError(
        `standard input has more than ${most} bytes, too many for one message: push it as a file`,
      );
    }
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
