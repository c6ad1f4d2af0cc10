/**
 * Copies a stream of unknown length to a file of the guest.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { Aborted } from "../../lib/base/waiting.ts";
import type { AgentClient } from "../client.ts";
import { PartialUpload } from "./partial_upload.ts";
import { AnswerError } from "../errors.ts";
import { concurrently, pieceBytes } from "./pieces.ts";
import type { PushOptions } from "./push.ts";
import { TransferError, type TransferResult } from "./transfer.ts";

const DEFAULT_PERMISSIONS = "0644";

/**
 * Writes everything that `source` yields to a file of the guest, which gets its name when it is
 * complete. A stream cannot be resumed: what a broken attempt has written is removed, if the agent can
 * still be reached.
 *
 * @param options `permissions` defaults to 0644; `onProgress` gets the bytes so far as the total.
 * @throws As {@link push}, and what `source` throws.
 */
export async function pushStream(
  client: AgentClient,
  source: AsyncIterable<Uint8Array>,
  remotePath: string,
  { signal, onProgress, permissions = DEFAULT_PERMISSIONS, createDirs = false }: PushOptions = {},
): Promise<TransferResult> {
  const upload = new PartialUpload(client, remotePath, createDirs);
  const size = await pieceBytes(client, upload.path, signal);
  let hasBegun = false;
  const hash = createHash("sha256");
  let sentBytes = 0;
  let doneBytes = 0;
  try {
    // Before the first byte is read: a refusal should not wait for slow input.
    await upload.begin(new Uint8Array(0), signal);
    hasBegun = true;
    const pieces = (both: AbortSignal) => piecesOf(untilAborted(source, both), size);
    await concurrently(pieces, signal, async (piece, both) => {
      // No await before these two: pieces are taken in order, and hashed and placed in that order.
      const offset = sentBytes;
      sentBytes += piece.byteLength;
      hash.update(piece);
      await upload.write(offset, piece, both);
      doneBytes += piece.byteLength;
      onProgress?.(doneBytes, doneBytes);
    });
  } catch (error) {
    const left = hasBegun ? await upload.remove() : undefined;
    throw left !== undefined && error instanceof AnswerError
      ? new TransferError(`${error.reason}; ${left}`)
      : error;
  }
  const sha256 = hash.digest("hex");
  const path = await upload.commit({ bytes: sentBytes, sha256, permissions }, signal);
  return { path, bytes: sentBytes, resumedBytes: 0, sha256 };
}

/** The bytes of the stream in pieces of exactly `size` bytes; the last one may be shorter. */
async function* piecesOf(
  source: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(size);
  let filled = 0;
  for await (const chunk of source) {
    for (let taken = 0; taken < chunk.byteLength;) {
      const part = chunk.subarray(taken, taken + size - filled);
      piece.set(part, filled);
      filled += part.byteLength;
      taken += part.byteLength;
      if (filled < size) continue;
      yield piece;
      piece = new Uint8Array(size);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

/** What the source yields; a read that is pending when the signal is aborted is abandoned. */
async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  for (;;) {
    const aborted = new Aborted(signal);
    using _aborted = aborted;
    const next = await Promise.race([iterator.next(), aborted.happened]);
    signal.throwIfAborted();
    if (next === undefined || next.done) return;
    yield next.value;
  }
}
