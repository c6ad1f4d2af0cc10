/**
 * What both directions of a transfer share: their options, their outcome, and finding out how much
 * an earlier attempt has moved already.
 *
 * @module
 */

import { messageOf } from "../../lib/base/message_of.ts";
import type { AgentClient } from "../client.ts";
import { AnswerError } from "../errors.ts";
import type { LocalFile } from "./local_file.ts";
import { cut, inFlight, type Part, patiently } from "./pieces.ts";

/** How a file is moved. */
export interface TransferOptions {
  /** Ends it; what has been moved stays for the next attempt. */
  readonly signal?: AbortSignal;
  /** Told after each piece: bytes that are in place, and bytes in all. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** What was moved. */
export interface Transferred {
  /** Where it is now. */
  readonly path: string;
  readonly bytes: number;
  /** Bytes that an earlier attempt had moved already. */
  readonly resumedBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** A transfer went wrong in a way that neither the channel nor the agent told. */
export class TransferError extends Error {
  override readonly name = "TransferError";
}

/** ENOSPC and EDQUOT (errno(3)) as the runtime tells them, and as an agent repeats them. */
const DISK_FULL_REGEXP = /\(os error (28|122)\)|No space left|Disk quota exceeded/;

/**
 * Whether a disk is full. Then what was moved is let go of: a full disk harms more than a transfer
 * that starts over.
 */
export const isDiskFull = (error: unknown): boolean =>
  DISK_FULL_REGEXP.test(error instanceof AnswerError ? error.reason : messageOf(error));

/** How much is compared at a time: an attempt that broke off loses this much at most. */
const BLOCK_BYTES = 1024 * 1024;

/** Both ends of a file that may have been moved in part. */
export interface Ends {
  readonly client: AgentClient;
  readonly local: LocalFile;
  /** The guest's file. */
  readonly remotePath: string;
}

/**
 * The parts of a file that are not the same at both ends. It is asked for hashes instead of being
 * trusted to be a beginning: pieces move out of order, and either end may have been written to.
 *
 * @param commonBytes How far both ends go.
 * @param totalBytes How far the source goes.
 */
export async function partsToMove(
  { client, local, remotePath }: Ends,
  commonBytes: number,
  totalBytes: number,
  signal?: AbortSignal,
): Promise<Part[]> {
  const missing: Part[] = [];
  const blocks = cut({ offset: 0, length: commonBytes }, BLOCK_BYTES);
  await inFlight(blocks, signal, async (block, both) => {
    const [ours, theirs] = await Promise.all([
      local.sha256(block, both),
      patiently(
        both,
        () => client.call("file_hash", { path: remotePath, ...block }, { signal: both }),
      ),
    ]);
    if (ours.sha256 !== theirs.sha256 || theirs.bytes_hashed !== block.length) missing.push(block);
  });
  // One part however long: a guest that lies about a size must not fill our memory with parts.
  const rest = { offset: commonBytes, length: totalBytes - commonBytes };
  return [...missing.sort((a, b) => a.offset - b.offset), rest];
}
