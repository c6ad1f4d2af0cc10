/**
 * The files of a Windows guest.
 *
 * @module
 */

import { RpcError } from "../../../base/errors.ts";
import type {
  CommitOptions,
  DirectoryOptions,
  DirectoryPage,
  Files,
  FileStatus,
  OpenFile,
  OpenOptions,
  PageOptions,
  RemoveDirectoryOptions,
  RenameOptions,
  ReplaceOptions,
} from "../../../guest/files.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import { createDirectory, removeDirectory, removeFile, renameEntry } from "./entries.ts";
import { Leftovers } from "./leftovers.ts";
import { listDirectory, statusOf } from "./list_directory.ts";
import { commitFile, createFile, replaceFile } from "./new_file.ts";
import { ACCESS, closeHandle, KIND, SHARE } from "./nt_file.ts";
import { WindowsFile } from "./open_file.ts";
import { openReal, openRealFile } from "./real_file.ts";

/** The files of a Windows guest, by calls of the system. */
export class WindowsFiles implements Files {
  readonly #leftovers = new Leftovers();

  async status(target: AllowedPath, signal: AbortSignal): Promise<FileStatus> {
    await started(signal);
    const how = { access: ACCESS.ATTRIBUTES, share: SHARE.ALL, kind: KIND.ANY };
    const { handle, info } = openReal(target, how);
    closeHandle(handle);
    return statusOf(info);
  }

  async list(directory: AllowedPath, options: PageOptions): Promise<DirectoryPage> {
    await started(options.signal);
    return await listDirectory(directory, options);
  }

  async open(target: AllowedPath, { access, create, signal }: OpenOptions): Promise<OpenFile> {
    await started(signal);
    const rights = access === "read" ? ACCESS.READ : ACCESS.WRITE | ACCESS.READ;
    const open = () => {
      const real = openRealFile(target, { access: rights, share: SHARE.ALL });
      return new WindowsFile(target.path, real);
    };
    try {
      return open();
    } catch (error) {
      const isMissing = error instanceof RpcError && error.kind === "notFound";
      if (create === undefined || !isMissing) throw error;
      this.#leftovers.sweep(target);
      createFile(target, create);
      return open();
    }
  }

  async replace(target: AllowedPath, bytes: Uint8Array, options: ReplaceOptions): Promise<void> {
    await started(options.signal);
    this.#leftovers.sweep(target);
    await replaceFile(target, bytes, options);
  }

  async commit(target: AllowedPath, options: CommitOptions): Promise<void> {
    await started(options.signal);
    await commitFile(target, options);
  }

  async remove(target: AllowedPath, signal: AbortSignal): Promise<void> {
    await started(signal);
    removeFile(target);
  }

  async rename(target: AllowedPath, options: RenameOptions): Promise<void> {
    await started(options.signal);
    renameEntry(target, options);
  }

  async createDirectory(target: AllowedPath, options: DirectoryOptions): Promise<boolean> {
    await started(options.signal);
    return createDirectory(target, options);
  }

  async removeDirectory(target: AllowedPath, options: RemoveDirectoryOptions): Promise<number> {
    await started(options.signal);
    return await removeDirectory(target, options);
  }
}

/** @throws The reason of `signal`, if it is aborted. */
function started(signal: AbortSignal): Promise<void> {
  return signal.aborted ? Promise.reject(signal.reason) : Promise.resolve();
}
