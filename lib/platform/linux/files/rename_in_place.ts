/**
 * Renames a file without a shell, where nobody else can swap a directory.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import { Aborted } from "../../../base/waiting.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import { isUnswappable } from "./new_file_place.ts";

/** A rename within a directory. */
export interface RenameInPlace {
  readonly from: AllowedPath;
  readonly to: AllowedPath;
  /** The number of the local file system that the directory is on. */
  readonly device: number;
}

/**
 * Renames the file if nobody else can swap its directory; returns whether it did. A shell can still
 * try if it did not, and tells why it cannot.
 */
export async function renameInPlace(
  { from, to: { path, root }, device }: RenameInPlace,
  signal: AbortSignal,
): Promise<boolean> {
  if (!isUnswappable({ path: dirname(path), root }, device)) return false;
  const aborted = new Aborted(signal);
  using _aborted = aborted;
  const renamed = Deno.rename(from.path, path).then(() => true, () => false);
  return await Promise.race([renamed, aborted.happened.then(() => false)]);
}
