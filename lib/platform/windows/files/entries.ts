/**
 * Removes and renames files and directories, and creates directories.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { sleep } from "../../../base/timer.ts";
import type {
  DirectoryOptions,
  RemoveDirectoryOptions,
  RenameOptions,
} from "../../../guest/files.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import type { Handle } from "../ffi/handle.ts";
import { STATUS } from "../ffi/ntdll.ts";
import { WINDOWS_PATHS } from "../paths.ts";
import { deleteFile, openIfAny, renameFile } from "./change.ts";
import { explain, FileError, linkRefused } from "./file_errors.ts";
import { entriesOf } from "./list_directory.ts";
import {
  ACCESS,
  ATTRIBUTE,
  closeHandle,
  DISPOSITION,
  informationOf,
  KIND,
  openName,
  SHARE,
} from "./nt_file.ts";
import { attempt, holdDirectory, isDirectory, isLink, nameOf, openReal } from "./real_file.ts";

/** Entries between two turns of the event loop. */
const ENTRIES_PER_TURN = 64;

const REMOVABLE = {
  access: ACCESS.DELETE | ACCESS.ATTRIBUTES,
  share: SHARE.ALL,
  disposition: DISPOSITION.OPEN,
  kind: KIND.ANY,
} as const;

const TREE = {
  ...REMOVABLE,
  access: REMOVABLE.access | ACCESS.LIST,
  kind: KIND.DIRECTORY,
} as const;

/** As `Files.remove` of the guest: a reparse point is removed itself. */
export function removeFile({ path, root }: AllowedPath): void {
  const directory = holdDirectory(WINDOWS_PATHS.parentOf(path), root);
  using _directory = directory;
  attempt(path, () => {
    const file = openName(directory.handle, nameOf(path), REMOVABLE);
    try {
      const info = informationOf(file);
      if (isDirectory(info) && !isLink(info)) {
        throw commandFailed(`${path} is a directory; directory_remove removes directories`, {
          path,
          is_directory: true,
        });
      }
      deleteFile(file);
    } finally {
      closeHandle(file);
    }
  }, "removed");
}

/** As `Files.rename` of the guest. */
export function renameEntry(target: AllowedPath, { to, replace }: RenameOptions): void {
  const { handle } = openReal(target, REMOVABLE);
  try {
    const directory = holdDirectory(WINDOWS_PATHS.parentOf(to.path), to.root);
    using _directory = directory;
    attempt(to.path, () => {
      if (replace) refuseLink(directory.handle, to.path);
      renameFile(handle, directory.handle, nameOf(to.path), { replace });
    }, "used as the new name");
  } finally {
    closeHandle(handle);
  }
}

function refuseLink(directory: Handle, path: string): void {
  const existing = openIfAny(directory, nameOf(path), { ...REMOVABLE, access: ACCESS.ATTRIBUTES });
  if (existing === undefined) return;
  try {
    if (isLink(informationOf(existing))) throw linkRefused(path);
  } finally {
    closeHandle(existing);
  }
}

/** As `Files.createDirectory` of the guest. */
export function createDirectory(
  target: AllowedPath,
  { createDirectories }: DirectoryOptions,
): boolean {
  const { path, root } = target;
  const directory = holdDirectory(WINDOWS_PATHS.parentOf(path), root, {
    create: createDirectories,
    hint: createDirectories ? "" : "; set create_parents to create it",
  });
  using _directory = directory;
  try {
    closeHandle(
      openName(directory.handle, nameOf(path), {
        access: ACCESS.ATTRIBUTES,
        share: SHARE.ALL,
        disposition: DISPOSITION.CREATE,
        kind: KIND.DIRECTORY,
      }),
    );
    return true;
  } catch (error) {
    if (!(error instanceof FileError) || error.status !== STATUS.OBJECT_NAME_COLLISION) {
      throw explain(error, path, "created");
    }
  }
  const existing = openReal(target, { ...REMOVABLE, access: ACCESS.ATTRIBUTES });
  closeHandle(existing.handle);
  if (isDirectory(existing.info)) return false;
  throw commandFailed(`${path} is not a directory`, { path });
}

/** As `Files.removeDirectory` of the guest. */
export async function removeDirectory(
  target: AllowedPath,
  { maxEntries, signal }: RemoveDirectoryOptions,
): Promise<number> {
  const { path } = target;
  const { handle } = openReal(target, TREE);
  try {
    const tree = new Tree(signal);
    const count = 1 + await tree.count(handle, maxEntries);
    if (count > maxEntries && maxEntries > 1) {
      const reason =
        `${path} holds more than ${maxEntries} entries, the maximum for one request; ` +
        "nothing was removed; remove its parts first";
      throw commandFailed(reason, { path });
    }
    const removed = maxEntries > 1 ? await tree.remove(handle) : 0;
    deleteFile(handle);
    return removed + 1;
  } catch (error) {
    throw explain(error, path, "removed");
  } finally {
    closeHandle(handle);
  }
}

/** Everything below a directory. Reparse points are entries, whatever they lead to. */
class Tree {
  readonly #signal: AbortSignal;
  #done = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** The number of entries below a directory; stops counting above `limit`. */
  async count(directory: Handle, limit: number): Promise<number> {
    let count = 0;
    for (const entries of entriesOf(directory)) {
      for (const entry of entries) {
        await this.#turn();
        count += 1;
        if (count > limit) return count;
        if (isTree(entry)) {
          count += await within(directory, entry.name, (child) => this.count(child, limit - count));
        }
      }
    }
    return count;
  }

  /** Removes everything below a directory; returns the number of entries. */
  async remove(directory: Handle): Promise<number> {
    // Read completely before anything is removed: the order may change then.
    const entries = [...entriesOf(directory)].flat();
    let removed = 0;
    for (const entry of entries) {
      await this.#turn();
      if (isTree(entry)) {
        removed += await within(directory, entry.name, async (child) => {
          const below = await this.remove(child);
          deleteFile(child);
          return below;
        });
      } else {
        const file = openIfAny(directory, entry.name, REMOVABLE);
        if (file === undefined) continue;
        try {
          deleteFile(file);
        } finally {
          closeHandle(file);
        }
      }
      removed += 1;
    }
    return removed;
  }

  async #turn(): Promise<void> {
    if (++this.#done % ENTRIES_PER_TURN === 0) await sleep(0);
    this.#signal.throwIfAborted();
  }
}

const isTree = ({ attributes }: { readonly attributes: number }) =>
  (attributes & ATTRIBUTE.DIRECTORY) !== 0 && (attributes & ATTRIBUTE.REPARSE_POINT) === 0;

/** Works below a directory, unless it is gone or has become a reparse point meanwhile. */
async function within(
  parent: Handle,
  name: string,
  work: (child: Handle) => Promise<number>,
): Promise<number> {
  const child = openIfAny(parent, name, TREE);
  if (child === undefined) return 0;
  try {
    return isLink(informationOf(child)) ? 0 : await work(child);
  } finally {
    closeHandle(child);
  }
}
