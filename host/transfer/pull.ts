/**
 * Copies a file from the guest to the host.
 *
 * @module
 */

import type { AgentClient } from "../client.ts";
import { LocalFile } from "./local_file.ts";
import { type ByteRange, concurrently, pieceBytes, splitRange } from "./pieces.ts";
import { RemoteFile } from "./remote_file.ts";
import {
  bytesIn,
  isDiskFull,
  partialPath,
  rangesToMove,
  TransferError,
  type TransferOptions,
  type TransferResult,
} from "./transfer.ts";

/** The content may be secret: only the owner may read it until it has the file's permissions. */
const PRIVATE_MODE = 0o600;

/**
 * Copies a file of the guest. It gets its name when it is complete and its SHA-256 matches the one
 * that the guest computes; a broken attempt is resumed by the next one.
 *
 * @param localPath The file to create or replace, not a directory.
 * @throws {AnswerError} if the agent refuses.
 * @throws {CallError} if the agent does not answer.
 * @throws {TransferError} if the file changes meanwhile.
 * @throws Native errors of the host's file system.
 */
export async function pull(
  client: AgentClient,
  remotePath: string,
  localPath: string,
  { signal, onProgress }: TransferOptions = {},
): Promise<TransferResult> {
  const remote = await RemoteFile.find(client, remotePath, signal);
  const partial = partialPath(localPath);
  const local = await openPartial(partial);
  using _local = local;
  const commonBytes = Math.min(local.state().size, remote.bytes);
  local.truncate(commonBytes);
  const ends = { client, local, remotePath };
  const missing = await rangesToMove(ends, commonBytes, remote.bytes, signal);
  const resumedBytes = remote.bytes - bytesIn(missing);
  onProgress?.(resumedBytes, remote.bytes);
  try {
    await fetchRanges(remote, local, missing, { signal, onProgress }, resumedBytes);
  } catch (error) {
    if (isDiskFull(error)) await Deno.remove(partial);
    throw error;
  }
  const { sha256 } = await local.sha256({ offset: 0, length: remote.bytes }, signal);
  await remote.verify(sha256, signal);
  await local.sync();
  // With the umask applied, as for any new file.
  await Deno.chmod(partial, remote.mode & ~Deno.umask());
  await Deno.rename(partial, localPath);
  return { path: localPath, bytes: remote.bytes, resumedBytes, sha256 };
}

async function fetchRanges(
  remote: RemoteFile,
  local: LocalFile,
  ranges: readonly ByteRange[],
  { signal, onProgress }: TransferOptions,
  startBytes: number,
): Promise<void> {
  const size = await pieceBytes(remote.client, remote.path, signal);
  const pieces = ranges.values().flatMap((range) => splitRange(range, size));
  let doneBytes = startBytes;
  await concurrently(pieces, signal, async (piece, both) => {
    await remote.read(piece, both, (offset, bytes) => local.write(offset, bytes));
    doneBytes += piece.length;
    onProgress?.(doneBytes, remote.bytes);
  });
}

async function openPartial(path: string): Promise<LocalFile> {
  const found = await lstatIfPresent(path);
  // A symbolic link planted there would be written through.
  if (found !== undefined && !found.isFile) {
    throw new TransferError(`${path} exists and is not a regular file; remove it`);
  }
  const options = { read: true, write: true, create: true, mode: PRIVATE_MODE };
  return new LocalFile(await Deno.open(path, options), path);
}

async function lstatIfPresent(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
