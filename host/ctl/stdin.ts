/**
 * Reading standard input to its end.
 *
 * @module
 */

import { Aborted } from "../../lib/base/waiting.ts";
import { UsageError } from "../../lib/base/command_line.ts";

/**
 * Reads all of standard input.
 *
 * @param most The maximum number of bytes.
 * @throws {UsageError} if it has more; the signal's reason if that is aborted first.
 */
export async function readStdin(signal: AbortSignal, most: number): Promise<Uint8Array> {
  const aborted = new Aborted(signal);
  using _aborted = aborted;
  // A pending read is abandoned; the process is about to exit.
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
        `standard input is longer than ${most} bytes and does not fit one message; push it as a file`,
      );
    }
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
