/**
 * What writing leaves in a directory: temporary files of an agent that was killed in the middle of a
 * write, and uploads that nobody has finished.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { MAX_UPLOADS, tooManyUploads, UPLOAD_SUFFIX } from "../../uploads.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import { WINDOWS_PATHS } from "../paths.ts";
import { deleteFile, openIfAny } from "./change.ts";
import { FileError } from "./file_errors.ts";
import { entriesOf, type FoundEntry } from "./list_directory.ts";
import { ACCESS, ATTRIBUTE, closeHandle, DISPOSITION, KIND, SHARE } from "./nt_file.ts";
import { nameOf, openReal, type RealFile } from "./real_file.ts";

const PREFIX = ".kvmmanager-";
const TEMPORARY_NAME = /^\.kvmmanager-\d+-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const UPLOAD_NAME = new RegExp(`^\\..*${UPLOAD_SUFFIX.replace(".", "\\.")}$`, "i");
/** How many directories are remembered. */
const MAX_SWEPT = 64;

/** A name that no other file has. */
export const temporaryName = (): string => `${PREFIX}${Deno.pid}-${crypto.randomUUID()}`;

/** The entries of a directory that the system finds for a pattern. */
function find(directory: RealFile, pattern: string): FoundEntry[] {
  return [...entriesOf(directory.handle, pattern)].flat();
}

/** Runs with the directory of a path open for listing. */
function withParent<Result>(
  { path, root }: AllowedPath,
  use: (directory: RealFile) => Result,
): Result {
  const directory = openReal({ path: WINDOWS_PATHS.parentOf(path), root }, {
    access: ACCESS.LIST | ACCESS.ATTRIBUTES,
    share: SHARE.ALL,
    kind: KIND.DIRECTORY,
  });
  try {
    return use(directory);
  } finally {
    closeHandle(directory.handle);
  }
}

/** Removes temporary files, once for each directory. */
export class Leftovers {
  readonly #swept = new Set<string>();

  /** Removes those beside a path. What cannot be removed stays: the write goes on. */
  sweep(target: AllowedPath): void {
    const directory = WINDOWS_PATHS.parentOf(target.path);
    if (this.#swept.has(directory)) return;
    if (this.#swept.size >= MAX_SWEPT) this.#swept.clear();
    this.#swept.add(directory);
    try {
      withParent(target, remove);
    } catch {
      // It may not be listed.
    }
  }
}

function remove(directory: RealFile): void {
  for (const { name, attributes } of find(directory, `${PREFIX}*`)) {
    const isFile = (attributes & (ATTRIBUTE.DIRECTORY | ATTRIBUTE.REPARSE_POINT)) === 0;
    if (isFile && TEMPORARY_NAME.test(name)) removeUnused(directory, name);
  }
}

/** A file that is still being written cannot be opened for deletion: its agent does not share that. */
function removeUnused(directory: RealFile, name: string): void {
  try {
    const file = openIfAny(directory.handle, name, {
      access: ACCESS.DELETE,
      share: SHARE.ALL,
      disposition: DISPOSITION.OPEN,
      kind: KIND.FILE,
    });
    if (file === undefined) return;
    try {
      deleteFile(file);
    } finally {
      closeHandle(file);
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
  }
}

/**
 * Checks that a directory may hold another upload, if the path is one.
 *
 * @throws {RpcError} -32000
 */
export function limitUploads(target: AllowedPath): void {
  const name = nameOf(target.path);
  if (!UPLOAD_NAME.test(name)) return;
  withParent(target, (directory) => {
    const uploads = find(directory, `*${UPLOAD_SUFFIX}`).filter((entry) =>
      UPLOAD_NAME.test(entry.name)
    );
    if (uploads.length < MAX_UPLOADS) return;
    const { path } = target;
    throw commandFailed(tooManyUploads(WINDOWS_PATHS.parentOf(path)), { path });
  });
}
