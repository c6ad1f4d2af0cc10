/**
 * The SHA-256 of a whole file, by a child that opens the file itself.
 *
 * Handing the bytes to sha256sum(1) takes most of the time of hashing: in a guest under emulation,
 * 10 MB took 1,030 ms that way, and sha256sum alone 250 ms.
 *
 * @module
 */

import { basename, dirname } from "@std/path/posix";
import { type AllowedPath, isInside } from "../../../policy/paths.ts";
import type { FileShells } from "./file_shells.ts";
import type { FileSystemTypes } from "./file_system_types.ts";
import { isUnswappable } from "./new_file_place.ts";
import { routeTo } from "./walk.ts";

/** What hashing by a child needs. */
export interface ChildHashTools {
  readonly shells: FileShells;
  readonly types: FileSystemTypes;
}

/** What to do with a file besides hashing it. */
export interface WithHash {
  /** The permission bits that it gets if … */
  readonly mode: number;
  /** … this is its SHA-256. */
  readonly expected: string;
}

const DIGEST_REGEXP = /^[0-9a-f]{64}$/;

/**
 * The SHA-256 of the file as 64 hexadecimal digits, if nobody else can swap what the path names, and
 * a child can open the file that the path named when it was verified; `undefined` otherwise.
 *
 * @param info The verified file.
 * @throws The signal's reason.
 */
export async function childHash(
  { shells, types }: ChildHashTools,
  { path, root }: AllowedPath,
  info: Deno.FileInfo,
  { signal, then }: { readonly signal: AbortSignal; readonly then?: WithHash },
): Promise<string | undefined> {
  const directory = { path: dirname(path), root };
  // An allowed path that is itself a file is in a directory that is not allowed.
  if (!isInside(directory.path, root) || !isUnswappable(directory, info.dev)) return undefined;
  const { isLocal } = await types.typeOf(info.dev, directory, signal);
  if (!isLocal) return undefined;
  const { word, text } = await shells.use(
    signal,
    (shell) =>
      shell.ask("hash", routeTo(directory.path, root), [
        basename(path),
        `${info.dev}:${info.ino}`,
        then?.expected ?? "",
        then?.mode.toString(8) ?? "",
      ], signal),
  );
  return word === "0" && DIGEST_REGEXP.test(text) ? text : undefined;
}
