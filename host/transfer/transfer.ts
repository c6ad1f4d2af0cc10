/**
 * Shared by all transfers: options, result, error, and the comparison with an earlier attempt.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path/posix";
import { messageOf } from "../../lib/base/message_of.ts";
import type { AgentClient } from "../client.ts";
import { AnswerError } from "../errors.ts";
import type { LocalFile } from "./local_file.ts";
import { type ByteRange, concurrently, retryWhenLimited, splitRange } from "./pieces.ts";

/** Options of a transfer. */
export interface TransferOptions {
  /** Aborts the transfer; transferred pieces are kept for the next attempt. */
  readonly signal?: AbortSignal;
  /** Called after each piece with the transferred bytes and the total. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** What was transferred. */
export interface TransferResult {
  /** Where the file is now. */
  readonly path: string;
  /** The file's size. */
  readonly bytes: number;
  /** Bytes that an earlier attempt had already transferred. */
  readonly resumedBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** A transfer failed for a reason other than the channel or a refusal of the agent. */
export class TransferError extends Error {
  /** For programs that compare names. */
  override readonly name = "TransferError";
}

/** NAME_MAX of Linux (limits.h), in bytes. */
const MAX_NAME_BYTES = 255;
/** Characters kept of a name that would get too long: a quarter of the maximum. */
const SHORTENED_NAME_CHARACTERS = 50;

/** Where a file is assembled before it gets its name: `.NAME.kvmmanager-part` next to it. */
export function partialPath(path: string): string {
  const partialName = (name: string) => `.${name}.kvmmanager-part`;
  const name = partialName(basename(path));
  const fits = new TextEncoder().encode(name).byteLength <= MAX_NAME_BYTES;
  const short = [...basename(path)].slice(0, SHORTENED_NAME_CHARACTERS).join("");
  return join(dirname(path), fits ? name : partialName(short));
}

/** ENOSPC and EDQUOT (errno(3)) as the runtime words them, and as an agent repeats them. */
const DISK_FULL_REGEXP = /\(os error (28|122)\)|No space left|Disk quota exceeded/;

/**
 * Whether a disk is full. Then the partial file is removed: a full disk does more harm than a
 * transfer that starts over.
 */
export const isDiskFull = (error: unknown): boolean =>
  DISK_FULL_REGEXP.test(error instanceof AnswerError ? error.reason : messageOf(error));

/** Bytes compared at a time; a broken transfer loses at most this much. */
const BLOCK_BYTES = 1024 * 1024;

/** Both ends of a file that may have been transferred in part. */
export interface TransferEnds {
  readonly client: AgentClient;
  readonly local: LocalFile;
  /** The guest's file. */
  readonly remotePath: string;
}

/**
 * The ranges of a file that differ between both ends. An earlier attempt is compared by hashes, not
 * trusted: pieces arrive out of order, and either end may have been modified.
 *
 * @param commonBytes The length common to both ends.
 * @param totalBytes The length of the source.
 */
export async function rangesToMove(
  { client, local, remotePath }: TransferEnds,
  commonBytes: number,
  totalBytes: number,
  signal?: AbortSignal,
): Promise<ByteRange[]> {
  const different: ByteRange[] = [];
  const blocks = splitRange({ offset: 0, length: commonBytes }, BLOCK_BYTES);
  await concurrently(blocks, signal, async (block, both) => {
    const hash = () => client.call("file_hash", { path: remotePath, ...block }, { signal: both });
    const [ours, theirs] = await Promise.all([
      local.sha256(block, both),
      retryWhenLimited(both, hash),
    ]);
    if (ours.sha256 !== theirs.sha256 || theirs.bytes_hashed !== block.length) {
      different.push(block);
    }
  });
  // One range, however long: a guest that lies about a size must not fill the host's memory with
  // ranges.
  const rest = { offset: commonBytes, length: totalBytes - commonBytes };
  return [...different.sort((a, b) => a.offset - b.offset), rest];
}

/** The sum of the ranges' lengths. */
export const bytesIn = (ranges: readonly ByteRange[]): number =>
  ranges.reduce((sum, { length }) => sum + length, 0);
