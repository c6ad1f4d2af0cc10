/**
 * Verifies that no component of a path is a symbolic link: the physical half of the path policy.
 *
 * Deno has no openat(2) and no O_NOFOLLOW: it resolves links itself before it opens a file, and its
 * permission check uses the path as written. So a file is opened first, without creating or
 * truncating anything, and before a byte is read or written, the descriptor is verified to be what
 * the path names without links. Two facts are available for this:
 *
 * - chdir(2) followed by getcwd(2): the kernel reports the physical path of the directory as a
 *   whole, which reveals a link anywhere in it;
 * - lstat(2) of the path: device and inode, to compare with the open descriptor.
 *
 * An attacker who swaps a directory for a link and back could pass both checks. The directory would
 * have to be in place at each check of the first kind and the link at each of the second, and which
 * check comes next is drawn at random just before it: one chance in 2^{@link ROUNDS}.
 *
 * The administrator vouches for the directories above an allowed path.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import { type AllowedPath, isInside } from "../../../policy/paths.ts";
import { leadsOutside, linkRefused } from "./refusals.ts";

const ROUNDS = 32;

/**
 * The working directory after a verification, so that no allowed file system is kept busy. The
 * confinement grants reading it; it contains no secrets and is never unmounted.
 */
export const RESTING_DIRECTORY = "/usr/share";

/**
 * The status of a path inside an allowed path, with no link anywhere in it.
 *
 * @throws {RpcError} -32001 for a link.
 * @throws {Deno.errors.NotFound} and other native errors of the file system.
 */
export async function statRealPath(path: AllowedPath): Promise<Deno.FileInfo> {
  const info = await statNoLink(path.path);
  requireReal(path, info);
  return info;
}

/**
 * The status of a path whose last component is not a link. The other components are not verified.
 *
 * @throws As {@link statRealPath}.
 */
export async function statNoLink(path: string): Promise<Deno.FileInfo> {
  const info = await Deno.lstat(path).catch((error) => {
    throw leadsOutside(error, path) ? linkRefused(path) : error;
  });
  if (info.isSymlink) throw linkRefused(path);
  return info;
}

/**
 * Verifies that `info` belongs to what `path` names, with no link at or below `root`.
 *
 * @throws {RpcError} -32001
 */
export function requireReal({ path, root }: AllowedPath, info: Deno.FileInfo): void {
  const directory = dirname(path);
  // If the allowed entry is this very file, the administrator vouches for its directory.
  const provesDirectory = isInside(directory, root);
  const draws = crypto.getRandomValues(new Uint8Array(ROUNDS));
  const isNamed = () => restatIfSame(path, info) !== undefined;
  try {
    // The first two checks are one of each kind, whatever is drawn afterwards.
    const isReal = (!provesDirectory || isRealDirectory(directory)) && isNamed() &&
      (!provesDirectory ||
        draws.every((draw) => draw % 2 === 0 ? isRealDirectory(directory) : isNamed()));
    if (!isReal) throw linkRefused(path);
  } finally {
    if (provesDirectory) leaveProvenDirectory();
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

function leaveProvenDirectory(): void {
  try {
    Deno.chdir(RESTING_DIRECTORY);
  } catch {
    // The guest lacks that directory: the process stays where it is.
  }
}

/**
 * The current status of the file that `info` belongs to; `undefined` if the path no longer names
 * it, or is a link to it.
 */
export function restatIfSame(path: string, info: Deno.FileInfo): Deno.FileInfo | undefined {
  try {
    const found = Deno.lstatSync(path);
    return !found.isSymlink && found.ino === info.ino && found.dev === info.dev ? found : undefined;
  } catch {
    return undefined;
  }
}
