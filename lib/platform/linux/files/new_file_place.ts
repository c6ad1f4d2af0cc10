/**
 * Where a new file is until it gets its name.
 *
 * @module
 */

import { basename, dirname } from "@std/path/posix";
import type { AllowedPath } from "../../../policy/paths.ts";
import { PRIVATE_FILE } from "./file_shell_script.ts";

const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;
const ROOT_USER = 0;

/** Where a new file is until it gets its name. */
export interface Place {
  /** `fixed` for a private directory with a fixed name, which may be left over, 1 for a new one, else 0. */
  readonly private: "0" | "1" | "fixed";
  /** The name of the private directory, or of the file. */
  readonly name: string;
  /** The file. */
  readonly temporary: AllowedPath;
}

/**
 * The private directory for the new content of an allowed path that is itself a file: the
 * confinement allows writing only this directory next to it.
 */
export const siblingOf = (root: string): string => root === "/" ? root : `${root}.kvmmanager-new`;

/**
 * Where the new content of `target` is written.
 *
 * @param name A name that nobody can guess.
 */
export function placeFor({ path, root }: AllowedPath, name: string): Place {
  if (path === root) {
    const sibling = siblingOf(root);
    return {
      private: "fixed",
      name: basename(sibling),
      temporary: { path: `${sibling}/${PRIVATE_FILE}`, root: sibling },
    };
  }
  const directory = dirname(path);
  const beside = `${directory === "/" ? "" : directory}/${name}`;
  const found = lookAt(directory);
  return found?.isOwn === true && !found.othersWrite
    ? { private: "0", name, temporary: { path: beside, root } }
    : { private: "1", name, temporary: { path: `${beside}/${PRIVATE_FILE}`, root } };
}

/**
 * Whether only the agent's user and root can create, rename or remove anything in the directory, and
 * rename or remove it and those above it, up to the allowed entry, all on one file system. Then the
 * path names the same file for consecutive system calls, and the agent may use it without the shell.
 * Owners are reliable only on a local file system: see `file_system_types.ts`.
 *
 * @param device The number of that file system.
 */
export function isUnswappable({ path, root }: AllowedPath, device: number): boolean {
  for (let directory = path;; directory = dirname(directory)) {
    const found = lookAt(directory);
    if (found === undefined || !(found.isOwn || found.isRoots) || found.device !== device) {
      return false;
    }
    // In a sticky directory, others cannot rename what belongs to the agent or root (inode(7)).
    if (found.othersWrite && (directory === path || !found.isSticky)) return false;
    if (directory === root || directory === "/") return directory === root;
  }
}

/** Who owns and who can change a directory; `undefined` for anything else. */
function lookAt(path: string) {
  try {
    const { isDirectory, uid, mode, dev } = Deno.lstatSync(path);
    if (!isDirectory) return undefined;
    return {
      isOwn: uid === Deno.uid(),
      isRoots: uid === ROOT_USER,
      othersWrite: ((mode ?? OTHERS_WRITE) & OTHERS_WRITE) !== 0,
      isSticky: ((mode ?? 0) & STICKY) !== 0,
      device: dev,
    };
  } catch {
    return undefined;
  }
}
