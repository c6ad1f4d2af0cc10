/**
 * Files that only root can have written: a broker that believed anything else would do what another
 * user says.
 *
 * @module
 */

import { dirname } from "@std/path/posix";

const ROOT = 0;
const GROUP_OR_OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

/**
 * Why a file or directory could have been written by another user than root, or `undefined`. Each
 * directory above it counts, since whoever can write it can replace what is in it; a sticky directory
 * such as /tmp protects root's entries. A symbolic link is never trusted.
 *
 * @param path Absolute.
 * @throws The native error if it cannot be read.
 */
export async function distrust(path: string): Promise<string | undefined> {
  for (let at = path, isEntry = true;; at = dirname(at), isEntry = false) {
    const { uid, mode, isSymlink } = await Deno.lstat(at);
    const bits = mode ?? 0;
    if (isSymlink) return `${at} is a symbolic link`;
    if (uid !== ROOT) return `${at} belongs to user ${uid}, not to root`;
    const isProtected = !isEntry && (bits & STICKY) !== 0;
    if ((bits & GROUP_OR_OTHERS_WRITE) !== 0 && !isProtected) {
      return `${at} can be written by others than root (mode ${(bits & 0o7777).toString(8)})`;
    }
    if (at === "/") return undefined;
  }
}
