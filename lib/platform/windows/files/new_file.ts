/**
 * Creates and replaces files. A file that is replaced has either its old or its new content at any
 * moment, and keeps its access control list.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import type { CommitOptions, NewFileOptions, ReplaceOptions } from "../../../guest/files.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import type { Handle } from "../ffi/handle.ts";
import { kernel32 } from "../ffi/kernel32.ts";
import { STATUS } from "../ffi/ntdll.ts";
import { lastError } from "../ffi/windows_error.ts";
import { WINDOWS_PATHS } from "../paths.ts";
import { copyRights, deleteFile, openIfAny, renameFile, setReadOnly } from "./change.ts";
import { explain, FileError, linkRefused, notRegular } from "./file_errors.ts";
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
import { limitUploads, temporaryName } from "./leftovers.ts";
import { hashPart, writeAll } from "./open_file.ts";
import { holdDirectory, isDirectory, isLink, nameOf, openRealFile } from "./real_file.ts";

const WRITE_BITS = 0o222;
const HINT = "; set create_dirs to create it";

/** Windows has no permission bits: only a file that nobody may write is read-only. */
const isReadOnly = (mode: number | undefined) => mode !== undefined && (mode & WRITE_BITS) === 0;

const holdParent = ({ path, root }: AllowedPath, create: boolean) =>
  holdDirectory(WINDOWS_PATHS.parentOf(path), root, { create, hint: create ? "" : HINT });

/**
 * Creates an empty file. An existing file is left alone.
 *
 * @throws {RpcError} as `Files.open` of the guest.
 */
export function createFile(
  target: AllowedPath,
  { mode, createDirectories }: NewFileOptions,
): void {
  const directory = holdParent(target, createDirectories);
  using _directory = directory;
  limitUploads(target);
  try {
    const file = openName(directory.handle, nameOf(target.path), {
      access: ACCESS.WRITE_ATTRIBUTES,
      share: SHARE.ALL,
      disposition: DISPOSITION.CREATE,
      kind: KIND.FILE,
    });
    try {
      if (isReadOnly(mode)) setReadOnly(file, true);
    } finally {
      closeHandle(file);
    }
  } catch (error) {
    if (error instanceof FileError && error.status === STATUS.OBJECT_NAME_COLLISION) return;
    throw explain(error, target.path, "created");
  }
}

/**
 * Makes an open file look like the one that it is about to replace, if there is one.
 *
 * @throws {RpcError} -32001 for a reparse point, -32000 for a directory.
 */
function takeAfter(
  directory: Handle,
  { path }: AllowedPath,
  file: Handle,
  mode: number | undefined,
): void {
  const existing = openIfAny(directory, nameOf(path), {
    access: ACCESS.ATTRIBUTES | ACCESS.READ_SECURITY,
    share: SHARE.ALL,
    disposition: DISPOSITION.OPEN,
    kind: KIND.ANY,
  });
  if (existing === undefined) return setReadOnly(file, isReadOnly(mode));
  try {
    const info = informationOf(existing);
    if (isLink(info)) throw linkRefused(path);
    if (isDirectory(info)) throw notRegular(path);
    copyRights(existing, file);
    const wasReadOnly = (info.attributes & ATTRIBUTE.READONLY) !== 0;
    setReadOnly(file, mode === undefined ? wasReadOnly : isReadOnly(mode));
  } finally {
    closeHandle(existing);
  }
}

function flush(file: Handle): void {
  if (kernel32.FlushFileBuffers(file) === 0) throw lastError("FlushFileBuffers");
}

/** Replaces or creates a file, as `Files.replace` of the guest. */
export async function replaceFile(
  target: AllowedPath,
  bytes: Uint8Array,
  { mode, createDirectories, signal }: ReplaceOptions,
): Promise<void> {
  const directory = holdParent(target, createDirectories);
  using _directory = directory;
  let file: Handle | undefined;
  let isInPlace = false;
  try {
    file = openName(directory.handle, temporaryName(), {
      access: ACCESS.WRITE | ACCESS.ATTRIBUTES | ACCESS.DELETE | ACCESS.WRITE_SECURITY,
      // Nobody else can delete it while it is written.
      share: SHARE.READ,
      disposition: DISPOSITION.CREATE,
      kind: KIND.FILE,
    });
    // First, so that nobody reads in it what could not be read in the old one.
    takeAfter(directory.handle, target, file, mode);
    await writeAll(file, 0, bytes, signal);
    flush(file);
    renameFile(file, directory.handle, nameOf(target.path), { replace: true });
    isInPlace = true;
  } catch (error) {
    throw explain(error, target.path, "replaced");
  } finally {
    if (file !== undefined) {
      try {
        if (!isInPlace) deleteFile(file);
      } finally {
        closeHandle(file);
      }
    }
  }
}

/** Verifies a file and gives it its final name, as `Files.commit` of the guest. */
export async function commitFile(
  target: AllowedPath,
  { from, sizeBytes, sha256, mode, signal }: CommitOptions,
): Promise<void> {
  const real = openRealFile(from, {
    access: ACCESS.READ | ACCESS.WRITE | ACCESS.DELETE | ACCESS.WRITE_SECURITY,
    // Nobody else can change it until it has its name.
    share: SHARE.READ,
  });
  const { handle, info } = real;
  try {
    if (info.sizeBytes !== sizeBytes) {
      const reason = `${from.path} has ${info.sizeBytes} bytes, not ${sizeBytes}`;
      throw commandFailed(reason, { path: from.path, size_bytes: info.sizeBytes });
    }
    const all = { offset: 0, length: sizeBytes };
    if (await hashPart(real, from.path, all, signal) !== sha256) {
      throw commandFailed(`the SHA-256 of ${from.path} does not match`, { path: from.path });
    }
    flush(handle);
    const directory = holdParent(target, false);
    using _directory = directory;
    takeAfter(directory.handle, target, handle, mode);
    renameFile(handle, directory.handle, nameOf(target.path), { replace: true });
  } catch (error) {
    throw explain(error, target.path, "renamed into place");
  } finally {
    closeHandle(handle);
  }
}
