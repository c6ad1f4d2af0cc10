/**
 * Copies a file of the guest to a stream, in order.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { AgentClient } from "../client.ts";
import { inOrder, pieceBytes, splitRange } from "./pieces.ts";
import { RemoteFile } from "./remote_file.ts";
import type { TransferOptions, TransferResult } from "./transfer.ts";

/**
 * Passes the content of a guest's file to `write`, in order. Several pieces are read ahead.
 *
 * @throws As {@link pull}. The hash is compared at the end, when everything has been written: after
 * a {@link TransferError} the output must not be used.
 */
export async function pullStream(
  client: AgentClient,
  remotePath: string,
  write: (bytes: Uint8Array) => void | Promise<void>,
  { signal, onProgress }: TransferOptions = {},
): Promise<TransferResult> {
  const remote = await RemoteFile.find(client, remotePath, signal);
  const size = await pieceBytes(client, remotePath, signal);
  const hash = createHash("sha256");
  const ranges = splitRange({ offset: 0, length: remote.bytes }, size);
  const pieces = inOrder(ranges, signal, async (range, both) => {
    const chunks: Uint8Array[] = [];
    await remote.read(range, both, (_offset, bytes) => chunks.push(bytes));
    return chunks;
  });
  let doneBytes = 0;
  for await (const chunks of pieces) {
    for (const chunk of chunks) {
      hash.update(chunk);
      await write(chunk);
      doneBytes += chunk.byteLength;
    }
    onProgress?.(doneBytes, remote.bytes);
  }
  const sha256 = hash.digest("hex");
  await remote.verify(sha256, signal);
  return { path: remotePath, bytes: doneBytes, resumedBytes: 0, sha256 };
}
