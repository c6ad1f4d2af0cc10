/**
 * Opening a file by a path in which nothing is a symbolic link: the physical half of the path
 * policy.
 *
 * Deno has no openat(2) and no O_NOFOLLOW: it resolves links by itself before it opens, and its
 * permission check looks at the path as written. So a file is opened first, without creating or
 * truncating anything, and before a byte is read or written the descriptor is proven to be what
 * the path names without links. Two facts are available for the proof:
 *
 * - chdir(2) followed by getcwd(2): the kernel tells the physical path of where it went, in one
 *   piece, so a link anywhere in the directory's path shows;
 * - lstat(2) of the path: device and inode, to compare with the open descriptor.
 *
 * Someone who swaps a directory for a link and back could satisfy one after the other. He would
 * have to have the directory in place at each look of the first kind and the link at each of the
 * second, and which comes next is drawn at random just before it: one chance in 2^{@link ROUNDS}.
 *
 * Directories above an allowed path are the administrator's word and are not doubted.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import { Aborted } from "../../../base/waiting.ts";
import { commandFailed, permissionDenied, RpcError } from "../../../base/errors.ts";
import { type AllowedPath, isInside } from "../../../policy/paths.ts";

const ROUNDS = 32;

/**
 * How many files may be opening for ever. Each keeps one of the runtime's threads; whoever swaps
 * files for FIFOs must not get them all, since nothing would be read or written any more.
 */
const MAX_ABANDONED_OPENS = 8;
let abandonedOpens = 0;

/**
 * Where the process goes after a proof, so that it keeps no allowed file system busy; the
 * confinement grants reading it. There is nothing secret in it, and it is never unmounted.
 */
export const RESTING_DIRECTORY = "/usr/share";

const KINDS: readonly [keyof Deno.FileInfo, string][] = [
  ["isDirectory", "a directory"],
  ["isFifo", "a FIFO"],
  ["isSocket", "a socket"],
  ["isCharDevice", "a character device"],
  ["isBlockDevice", "a block device"],
];

/**
 * What the path itself is, links not followed.
 *
 * @throws {RpcError} -32001 for a link, -32000 for anything else that is no regular file.
 * @throws {Deno.errors.NotFound} when there is nothing.
 */
export async function statRegularFile(path: string): Promise<Deno.FileInfo> {
  const info = await statNoLink(path);
  if (!info.isFile) {
    const kind = KINDS.find(([member]) => info[member])?.[1] ?? "no file";
    throw commandFailed(`${path} is ${kind}, only regular files can be used`, { path });
  }
  return info;
}

/**
 * The description of a file that is to be replaced, or `undefined` where there is none yet.
 *
 * @throws As {@link statRegularFile}.
 */
export async function statIfAny(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await statRegularFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * What a path inside an allowed one is, with no link anywhere in it.
 *
 * @throws {RpcError} -32001 for a link.
 * @throws {Deno.errors.NotFound} and other native errors of the file system.
 */
export async function statRealPath({ path, root }: AllowedPath): Promise<Deno.FileInfo> {
  const info = await statNoLink(path);
  if (!isProvenReal(path, root, info)) throw linkRefused(path);
  return info;
}

async function statNoLink(path: string): Promise<Deno.FileInfo> {
  const info = await Deno.lstat(path).catch((error) => {
    throw leadsOutside(error, path) ? linkRefused(path) : error;
  });
  if (info.isSymlink) throw linkRefused(path);
  return info;
}

/** Deno may touch this path and was refused all the same: it has followed a link. */
const leadsOutside = (error: unknown, path: string) =>
  error instanceof Deno.errors.NotCapable &&
  Deno.permissions.querySync({ name: "read", path }).state === "granted";

/** The refusal of a path with a link in it. */
export function linkRefused(path: string): RpcError {
  return permissionDenied(`${path} is or goes through a symbolic link, which is never followed`, {
    path,
  });
}

/**
 * Opens an existing regular file inside an allowed path.
 *
 * @throws {RpcError} -32001 where a link is in the way, -32000 for what is no regular file.
 * @throws {Deno.errors.NotFound} and other native errors of the file system.
 */
export async function openRealFile(
  { path, root }: AllowedPath,
  access: "read" | "write",
  signal: AbortSignal,
): Promise<{ file: Deno.FsFile; info: Deno.FileInfo }> {
  await statRegularFile(path);
  signal.throwIfAborted();
  // Not the synchronous form: someone may have put a FIFO there by now, and opening one waits.
  const file = await openUnlessAborted(path, { [access]: true }, signal);
  try {
    const info = file.statSync();
    if (!info.isFile) throw commandFailed(`${path} is no regular file any more`, { path });
    if (!isProvenReal(path, root, info)) throw linkRefused(path);
    return { file, info };
  } catch (error) {
    file.close();
    throw leadsOutside(error, path) ? linkRefused(path) : error;
  }
}

/** Deno.open that stops waiting on abort; a file that still opens later is closed at once. */
async function openUnlessAborted(
  path: string,
  options: Deno.OpenOptions,
  signal: AbortSignal,
): Promise<Deno.FsFile> {
  const aborted = new Aborted(signal);
  using _aborted = aborted;
  if (abandonedOpens >= MAX_ABANDONED_OPENS) {
    throw commandFailed(`${abandonedOpens} files do not open, others are not tried meanwhile`);
  }
  const opening = Deno.open(path, options);
  const file = await Promise.race([opening, aborted.happened]).catch((error) => {
    throw leadsOutside(error, path) ? linkRefused(path) : error;
  });
  if (file !== undefined) return file;
  abandonedOpens += 1;
  void opening.then((late) => late.close(), () => {}).finally(() => abandonedOpens -= 1);
  throw signal.reason;
}

/** Whether what `info` was taken of is what `path` names with no link below or at `root`. */
function isProvenReal(path: string, root: string, info: Deno.FileInfo): boolean {
  const directory = dirname(path);
  // Where the allowed entry is this very file, its directory is above it: the administrator's.
  const provesDirectory = isInside(directory, root);
  const draws = crypto.getRandomValues(new Uint8Array(ROUNDS));
  try {
    // The first two looks are one of each kind, whatever is drawn afterwards.
    return (!provesDirectory || isRealDirectory(directory)) && isSameFile(path, info) &&
      (!provesDirectory ||
        draws.every((draw) =>
          draw % 2 === 0 ? isRealDirectory(directory) : isSameFile(path, info)
        ));
  } finally {
    if (provesDirectory) leave();
  }
}

function isRealDirectory(directory: string): boolean {
  try {
    Deno.chdir(directory);
    return Deno.cwd() === directory;
  } catch {
    return false;
  }
}

/**
 * What the file is now that `info` was taken of; `undefined` when the path does not name it any
 * more, or is a link to it.
 */
export function lookAgain(path: string, info: Deno.FileInfo): Deno.FileInfo | undefined {
  try {
    const found = Deno.lstatSync(path);
    return !found.isSymlink && found.ino === info.ino && found.dev === info.dev ? found : undefined;
  } catch {
    return undefined;
  }
}

const isSameFile = (path: string, info: Deno.FileInfo) => lookAgain(path, info) !== undefined;

function leave(): void {
  try {
    Deno.chdir(RESTING_DIRECTORY);
  } catch {
    // A guest without that directory: the process stays where it is.
  }
}
