/**
 * A file from the host to the guest.
 *
 * @module
 */

import type { AgentClient } from "../client.ts";
import { AnswerError } from "../errors.ts";
import { ERRORS } from "../../lib/base/errors.ts";
import { LocalFile } from "./local_file.ts";
import { cut, inFlight, type Part, patiently, pieceBytes } from "./pieces.ts";
import { partialPath } from "./pull.ts";
import {
  type Ends,
  isDiskFull,
  partsToMove,
  TransferError,
  type TransferOptions,
  type Transferred,
} from "./transfer.ts";

const ALL_BITS = 0o777;
const PRIVATE_PERMISSIONS = "0600";

/** How a file is pushed. */
export interface PushOptions extends TransferOptions {
  /** Octal digits as `file_write` takes them. @default the host's file's own */
  readonly permissions?: string;
  /** Whether missing directories are made in the guest. @default {false} */
  readonly createDirs?: boolean;
}

/**
 * Copies a file of the host. In the guest it gets its name when it is whole and has the SHA-256 of
 * the host's; an attempt that breaks off is taken up by the next.
 *
 * @param remotePath The file to make or replace, not a directory.
 * @throws {AnswerError} {NoAgentError} as the calls do, {TransferError} when the file changes
 * meanwhile, native errors of the host's file system.
 */
export async function push(
  client: AgentClient,
  localPath: string,
  remotePath: string,
  { signal, onProgress, permissions, createDirs = false }: PushOptions = {},
): Promise<Transferred> {
  const local = new LocalFile(await openRegular(localPath), localPath);
  using _local = local;
  const before = local.state();
  const total = before.size;
  const mode = permissions ?? octal((await Deno.stat(localPath)).mode);
  const partial = partialPath(remotePath);
  const ends = { client, local, remotePath: partial };
  const size = await pieceBytes(client, partial, signal);

  const present = await presentBytes(client, partial, total, signal);
  let missing: Part[];
  if (present === undefined) {
    // A whole write makes the file anew, whatever an earlier attempt has left.
    const first = { offset: 0, length: Math.min(size, total) };
    await writePart(ends, first, { isWhole: true, createDirs }, signal);
    missing = [{ offset: first.length, length: total - first.length }];
  } else {
    missing = await partsToMove(ends, present, total, signal);
  }
  const missingBytes = missing.reduce((sum, { length }) => sum + length, 0);
  const resumedBytes = present === undefined ? 0 : total - missingBytes;
  let done = total - missingBytes;
  onProgress?.(done, total);
  const pieces = missing.values().flatMap((part) => cut(part, size));
  try {
    await inFlight(pieces, signal, async (part, both) => {
      await writePart(ends, part, { isWhole: false, createDirs }, both);
      done += part.length;
      onProgress?.(done, total);
    });
  } catch (error) {
    if (isDiskFull(error)) await empty(client, partial);
    throw error;
  }
  const { sha256, bytes } = await local.sha256({ offset: 0, length: total }, signal);
  if (bytes !== total || local.state().version !== before.version) {
    throw new TransferError(
      `${localPath} was written to while it was pushed; push again, what is the same is not moved twice`,
    );
  }
  const params = {
    path: remotePath,
    from: partial,
    size_bytes: total,
    sha256,
    permissions: mode,
  };
  const commit = () => client.call("file_commit", params, { signal });
  const committed = await patiently(signal, commit);
  return { path: committed.path, bytes: total, resumedBytes, sha256 };
}

async function openRegular(path: string): Promise<Deno.FsFile> {
  // Looked at before it is opened: opening a FIFO would wait for a writer.
  const { isFile } = await Deno.stat(path);
  if (!isFile) throw new TransferError(`${path} is no regular file`);
  return await Deno.open(path, { read: true });
}

const octal = (mode: number | null) =>
  `0${((mode ?? 0o644) & ALL_BITS).toString(8).padStart(3, "0")}`;

/**
 * How much of an earlier attempt is there, `undefined` where there is none that could be used: none
 * at all, one that is too long, or one that this host may not read.
 */
async function presentBytes(
  client: AgentClient,
  partial: string,
  total: number,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  try {
    const stat = () => client.call("file_stat", { path: partial }, { signal });
    const found = await patiently(signal, stat);
    const isUsable = found.type === "file" && found.size_bytes > 0 && found.size_bytes <= total;
    return isUsable ? found.size_bytes : undefined;
  } catch (error) {
    const isNone = error instanceof AnswerError &&
      (error.code === ERRORS.notFound.code || error.code === ERRORS.permissionDenied.code);
    if (isNone) return undefined;
    throw error;
  }
}

/** Gives the guest its room back, as far as that can be done. */
async function empty(client: AgentClient, path: string): Promise<void> {
  // If not even this works, what is to be told is what went wrong before.
  await client.call("file_write", { path, content: "" }).catch(() => {});
}

async function writePart(
  { client, local, remotePath }: Ends,
  part: Part,
  { isWhole, createDirs }: { readonly isWhole: boolean; readonly createDirs: boolean },
  signal: AbortSignal | undefined,
): Promise<void> {
  const bytes = local.read(part);
  // A file that became shorter is found out at the end.
  if (bytes.byteLength < part.length && !isWhole) return;
  const params = {
    path: remotePath,
    content: bytes.toBase64(),
    encoding: "base64" as const,
    permissions: PRIVATE_PERMISSIONS,
    ...(isWhole ? { create_dirs: createDirs } : { offset: part.offset }),
  };
  await patiently(signal, () => client.call("file_write", params, { signal }));
}
