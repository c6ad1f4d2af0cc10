/**
 * A file from the guest to the host.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path/posix";
import type { AgentClient } from "../client.ts";
import { LocalFile } from "./local_file.ts";
import { cut, inFlight, type Part, patiently, pieceBytes } from "./pieces.ts";
import {
  type Ends,
  isDiskFull,
  partsToMove,
  TransferError,
  type TransferOptions,
  type Transferred,
} from "./transfer.ts";

/** Nobody else reads what may be secret before it has the permissions that it has in the guest. */
const PRIVATE_MODE = 0o600;

/** NAME_MAX of Linux (limits.h), in bytes. */
const MAX_NAME_BYTES = 255;
/** What is left of a name that would get too long: a quarter of the characters a name can have. */
const CUT_NAME_CHARACTERS = 50;

/** Where a file is put together before it gets its name: beside it. */
export function partialPath(path: string): string {
  const partialName = (name: string) => `.${name}.kvmmanager-part`;
  const name = partialName(basename(path));
  const fits = new TextEncoder().encode(name).byteLength <= MAX_NAME_BYTES;
  const short = [...basename(path)].slice(0, CUT_NAME_CHARACTERS).join("");
  return join(dirname(path), fits ? name : partialName(short));
}

/**
 * Copies a file of the guest. It gets its name when it is whole and has the SHA-256 that the guest
 * computes; an attempt that breaks off is taken up by the next.
 *
 * @param localPath The file to make or replace, not a directory.
 * @throws {AnswerError} {NoAgentError} as the calls do, {TransferError} when the file changes
 * meanwhile, native errors of the host's file system.
 */
export async function pull(
  client: AgentClient,
  remotePath: string,
  localPath: string,
  { signal, onProgress }: TransferOptions = {},
): Promise<Transferred> {
  const options = { signal };
  const stat = () => client.call("file_stat", { path: remotePath }, options);
  const before = await patiently(signal, stat);
  if (before.type !== "file") {
    throw new TransferError(`${remotePath} is no regular file but of type ${before.type}`);
  }
  const total = before.size_bytes;
  const partial = partialPath(localPath);
  const local = await openPartial(partial);
  using _local = local;
  const ends = { client, local, remotePath };
  const common = Math.min(local.state().size, total);
  local.truncate(common);
  const missing = await partsToMove(ends, common, total, signal);
  const missingBytes = missing.reduce((sum, { length }) => sum + length, 0);
  const resumedBytes = total - missingBytes;
  let done = resumedBytes;
  onProgress?.(done, total);
  const size = await pieceBytes(client, remotePath, signal);
  const pieces = missing.values().flatMap((part) => cut(part, size));
  try {
    await inFlight(pieces, signal, async (part, both) => {
      await fetchPart(ends, part, both);
      done += part.length;
      onProgress?.(done, total);
    });
  } catch (error) {
    if (isDiskFull(error)) await Deno.remove(partial);
    throw error;
  }
  const ours = await local.sha256({ offset: 0, length: total }, signal);
  const hash = () => client.call("file_hash", { path: remotePath }, options);
  const theirs = await patiently(signal, hash);
  if (theirs.size_bytes !== total || theirs.sha256 !== ours.sha256) {
    throw changed(remotePath);
  }
  await local.sync();
  const mode = Number.parseInt(before.permissions, 8);
  // As a new file would get them.
  await Deno.chmod(partial, mode & ~Deno.umask());
  await Deno.rename(partial, localPath);
  return { path: localPath, bytes: total, resumedBytes, sha256: ours.sha256 };
}

async function openPartial(path: string): Promise<LocalFile> {
  const found = await lstatIfAny(path);
  // A link that somebody has put there would be written through.
  if (found !== undefined && !found.isFile) {
    throw new TransferError(`${path} is in the way: it is no regular file; remove it`);
  }
  const options = { read: true, write: true, create: true, mode: PRIVATE_MODE };
  return new LocalFile(await Deno.open(path, options), path);
}

async function lstatIfAny(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** An answer may have less than was asked for. */
async function fetchPart({ client, local, remotePath }: Ends, part: Part, signal: AbortSignal) {
  for (let at = part.offset; at < part.offset + part.length;) {
    const params = {
      path: remotePath,
      encoding: "base64" as const,
      offset: at,
      length: part.offset + part.length - at,
    };
    const piece = await patiently(signal, () => client.call("file_read", params, { signal }));
    const bytes = decode(piece.content, remotePath);
    if (bytes.byteLength === 0) throw changed(remotePath);
    if (bytes.byteLength > params.length) {
      throw new TransferError(`the agent sent more of ${remotePath} than it was asked for`);
    }
    local.write(at, bytes);
    at += bytes.byteLength;
  }
}

function decode(content: string, path: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(content);
  } catch {
    throw new TransferError(`the agent sent a piece of ${path} that is not base64`);
  }
}

const changed = (path: string) =>
  new TransferError(
    `${path} was written to while it was pulled; pull again, what is the same is not moved twice`,
  );
