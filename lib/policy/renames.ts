/**
 * Which renames a request may ask for.
 *
 * @module
 */

import { invalidParams, permissionDenied } from "../base/errors.ts";
import type { AllowedPath, PathRules } from "./paths.ts";

/**
 * Checks a rename between two paths that may be written.
 *
 * @param rules How the guest writes paths.
 * @param readRoots `allowed_read_paths`: a file that may be written but not read must not become
 * readable under another name.
 * @throws {RpcError} -32602 for the same path twice or a path inside itself, -32001 for an entry of
 * the configuration itself and for a rename that would make something readable.
 */
export function checkRename(
  from: AllowedPath,
  to: AllowedPath,
  readRoots: readonly string[],
  rules: PathRules,
): void {
  const { isInside } = rules;
  if (isInside(to.path, from.path)) {
    throw invalidParams("to must differ from path and not be inside it", { params: ["to"] });
  }
  refuseEntry(from, "renamed", rules);
  const becomesReadable = readRoots.some((root) =>
    isInside(to.path, root) || isInside(root, to.path)
  );
  const isReadable = readRoots.some((root) => isInside(from.path, root));
  if (becomesReadable && !isReadable) {
    throw permissionDenied(
      `${from.path} is outside allowed_read_paths (${readRoots.join(", ")}), and renaming it to ` +
        `${to.path} would make it readable`,
      { path: from.path },
    );
  }
}

/**
 * Refuses a change to an allowed path itself: the administrator has set it up.
 *
 * @param action Such as "renamed".
 * @param rules How the guest writes paths.
 * @throws {RpcError} -32001
 */
export function refuseEntry(
  { path, root }: AllowedPath,
  action: string,
  { isInside }: PathRules,
): void {
  // Always inside its entry, so it is the entry if that is inside it too.
  if (!isInside(root, path)) return;
  throw permissionDenied(
    `${path} is an entry of allowed_write_paths and cannot be ${action}, only what is in it`,
    { path },
  );
}
