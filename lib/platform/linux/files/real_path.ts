/**
 * Proving that no component of a path is a symbolic link: the physical half of the path policy.
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
 * An attacker who swaps a directory for a link and back could satisfy one after the other. He would
 * have to have the directory in place at each look of the first kind and the link at each of the
 * second, and which comes next is drawn at random just before it: one chance in 2^{@link ROUNDS}.
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
 * Where the process goes after a proof, so that it keeps no allowed file system busy; the
 * confinement grants reading it. There is nothing secret in it, and it is never unmounted.
 */
export const RESTING_DIRECTORY = "/usr/share";

/**
 * What a path inside an allowed one is, with no link anywhere in it.
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
 * What a path is, where its last component is not a link. Nothing is proven about the others.
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
 * Proves that `info` belongs to what `path` names with no link below or at `root`.
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
    // The first two looks are one of each kind, whatever is drawn afterwards.
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
    // A guest without that directory: the process stays where it is.
  }
}

/**
 * What the file that `info` belongs to is now; `undefined` if the path no longer names it, or is a
 * link to it.
 */
export function restatIfSame(path: string, info: Deno.FileInfo): Deno.FileInfo | undefined {
  try {
    const found = Deno.lstatSync(path);
    return !found.isSymlink && found.ino === info.ino && found.dev === info.dev ? found : undefined;
  } catch {
    return undefined;
  }
}
