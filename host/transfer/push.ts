/**
 * Copies a file from the host to the guest.
 *
 * @module
 */

import type { AgentClient } from "../client.ts";
import { LocalFile } from "./local_file.ts";
import { PartialUpload } from "./partial_upload.ts";
import { type ByteRange, concurrently, pieceBytes, splitRange } from "./pieces.ts";
import {
  bytesIn,
  rangesToMove,
  TransferError,
  type TransferOptions,
  type TransferResult,
} from "./transfer.ts";

const PERMISSION_BITS = 0o777;
/** For a file whose mode the platform does not report. */
const DEFAULT_MODE = 0o644;

/** How a file is pushed. */
export interface PushOptions extends TransferOptions {
  /** Octal digits for `file_write`. @default the local file's own */
  readonly permissions?: string;
  /** Whether missing directories are created in the guest. @default {false} */
  readonly createDirs?: boolean;
}

/**
 * Copies a file to the guest. It gets its name there when it is complete and its SHA-256 matches;
 * a broken attempt is resumed by the next one.
 *
 * @param remotePath The file to create or replace, not a directory.
 * @throws {AnswerError} if the agent refuses, if possible before anything is transferred.
 * @throws {CallError} if the agent does not answer.
 * @throws {TransferError} if the file changes meanwhile or does not fit the guest.
 * @throws Native errors of the host's file system.
 */
export async function push(
  client: AgentClient,
  localPath: string,
  remotePath: string,
  { signal, onProgress, permissions, createDirs = false }: PushOptions = {},
): Promise<TransferResult> {
  const local = new LocalFile(await openRegularFile(localPath), localPath);
  using _local = local;
  const before = local.state();
  const upload = new PartialUpload(client, remotePath, createDirs);
  const size = await pieceBytes(client, upload.path, signal);
  // Read now, while the file on disk is certainly the one that was opened.
  const mode = permissions ?? octalPermissions(local.mode);

  const present = await upload.find(before.size, signal);
  await upload.checkSize(before.size, signal);
  const missing = present === "nothing"
    ? [{ offset: 0, length: before.size }]
    : present === "unusable"
    ? await beginOver(upload, local, Math.min(size, before.size), before.size, signal)
    : await rangesToMove({ client, local, remotePath: upload.path }, present, before.size, signal);
  const startBytes = before.size - bytesIn(missing);
  onProgress?.(startBytes, before.size);
  await sendRanges(upload, local, missing, {
    size,
    startBytes,
    totalBytes: before.size,
    signal,
    onProgress,
  });

  const { sha256, bytes } = await local.sha256({ offset: 0, length: before.size }, signal);
  if (bytes !== before.size || local.state().version !== before.version) {
    throw new TransferError(
      `${localPath} changed during the transfer; push it again (only changed parts are sent)`,
    );
  }
  const path = await upload.commit({ bytes, sha256, permissions: mode }, signal);
  return { path, bytes, resumedBytes: typeof present === "number" ? startBytes : 0, sha256 };
}

async function openRegularFile(path: string): Promise<Deno.FsFile> {
  // Checked before it is opened: opening a FIFO would block until it has a writer.
  const { isFile } = await Deno.stat(path);
  if (!isFile) throw new TransferError(`${path} is not a regular file`);
  return await Deno.open(path, { read: true });
}

const octalPermissions = (mode: number | null) =>
  `0${((mode ?? DEFAULT_MODE) & PERMISSION_BITS).toString(8).padStart(3, "0")}`;

/**
 * Writes the first piece, which replaces the old content; returns what remains to be transferred.
 */
async function beginOver(
  upload: PartialUpload,
  local: LocalFile,
  firstBytes: number,
  totalBytes: number,
  signal: AbortSignal | undefined,
): Promise<ByteRange[]> {
  await upload.begin(local.read({ offset: 0, length: firstBytes }), signal);
  return [{ offset: firstBytes, length: totalBytes - firstBytes }];
}

interface SendOptions extends TransferOptions {
  /** Bytes of a piece. */
  readonly size: number;
  readonly startBytes: number;
  readonly totalBytes: number;
}

async function sendRanges(
  upload: PartialUpload,
  local: LocalFile,
  ranges: readonly ByteRange[],
  { size, startBytes, totalBytes, signal, onProgress }: SendOptions,
): Promise<void> {
  let doneBytes = startBytes;
  const pieces = ranges.values().flatMap((range) => splitRange(range, size));
  try {
    await concurrently(pieces, signal, async (piece, both) => {
      const bytes = local.read(piece);
      // A file that became shorter is noticed at the end.
      if (bytes.byteLength === piece.length) await upload.write(piece.offset, bytes, both);
      doneBytes += piece.length;
      onProgress?.(doneBytes, totalBytes);
    });
  } catch (error) {
    throw await upload.removeIfFull(error);
  }
}
