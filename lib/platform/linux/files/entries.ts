/**
 * Removes, renames and creates directory entries inside an allowed path without following links.
 *
 * The file shell (`file_shell.ts`) does it, in the directory that it has walked to.
 *
 * @module
 */

import { basename, dirname } from "@std/path/posix";
import { commandFailed, notFound, type RpcError } from "../../../base/errors.ts";
import type {
  DirectoryOptions,
  RemoveDirectoryOptions,
  RenameOptions,
} from "../../../guest/files.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import type { ShellAnswer } from "./file_shell.ts";
import type { FileShells } from "./file_shells.ts";
import { ENTRY_STATUS, NEW_PATH_STATUS, OLD_DIRECTORY } from "./entries_script.ts";
import { routeTo, walkFailure } from "./walk.ts";

const DEFAULT_MODE = 0o755;
const ALL_BITS = 0o777;
const DONE = 0;

/** Changes directories. */
export class Entries {
  readonly #shells: FileShells;

  constructor(shells: FileShells) {
    this.#shells = shells;
  }

  /** @throws {RpcError} as `Files.remove` of the guest. */
  async remove(target: AllowedPath, signal: AbortSignal): Promise<void> {
    const answer = await this.#ask("remove", target, [basename(target.path)], signal);
    if (statusOf(answer) !== DONE) throw failure(target, answer, "removed");
  }

  /** @throws {RpcError} as `Files.rename` of the guest. */
  async rename(target: AllowedPath, { to, replace, signal }: RenameOptions): Promise<void> {
    const { start, names } = routeTo(dirname(to.path), to.root);
    const answer = await this.#shells.use(
      signal,
      (shell) =>
        shell.ask("rename", routeTo(dirname(target.path), target.root), [
          basename(target.path),
          start,
          names.join("/"),
          basename(to.path),
          replace ? "1" : "0",
          `.kvmmanager-${shell.pid}-${crypto.randomUUID()}`,
        ], signal),
    );
    const status = statusOf(answer);
    if (status === DONE) return;
    throw status > NEW_PATH_STATUS
      ? failure(to, { ...answer, word: String(status - NEW_PATH_STATUS) }, "used as the new name")
      : failure(target, answer, "renamed");
  }

  /** @throws {RpcError} as `Files.createDirectory` of the guest. */
  async createDirectory(
    target: AllowedPath,
    { mode = DEFAULT_MODE, createDirectories, signal }: DirectoryOptions,
  ): Promise<boolean> {
    const answer = await this.#ask("make_directory", target, [
      (ALL_BITS & ~mode).toString(8),
      createDirectories ? "1" : "0",
      basename(target.path),
    ], signal);
    const status = statusOf(answer);
    if (status === ENTRY_STATUS.exists) return false;
    if (status !== DONE) throw failure(target, answer, "created");
    return true;
  }

  /** @throws {RpcError} as `Files.removeDirectory` of the guest. */
  async removeDirectory(
    target: AllowedPath,
    { maxEntries, signal }: RemoveDirectoryOptions,
  ): Promise<number> {
    const values = [String(maxEntries), basename(target.path)];
    const answer = await this.#ask("remove_directory", target, values, signal);
    const status = statusOf(answer);
    if (status === ENTRY_STATUS.tooManyEntries) {
      const reason = `${target.path} holds more than ${maxEntries} entries, the maximum for one ` +
        "request; nothing was removed; remove its parts first";
      throw commandFailed(reason, { path: target.path });
    }
    if (status !== DONE) throw failure(target, answer, "removed");
    return Number(answer.text);
  }

  async #ask(
    operation: string,
    { path, root }: AllowedPath,
    values: readonly string[],
    signal: AbortSignal,
  ): Promise<ShellAnswer> {
    const route = routeTo(dirname(path), root);
    return await this.#shells.use(signal, (shell) => shell.ask(operation, route, values, signal));
  }
}

const statusOf = ({ word }: ShellAnswer) => Number(word);

/** What a status says about a path. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [ENTRY_STATUS.exists, "exists already"],
  [ENTRY_STATUS.isDirectory, "is a directory; directory_remove removes directories"],
  [ENTRY_STATUS.notDirectory, "is not a directory"],
  [ENTRY_STATUS.special, "is neither a regular file nor a directory"],
  [
    ENTRY_STATUS.crossesFileSystems,
    "cannot be renamed to another file system, mount or quota; nothing is ever copied",
  ],
]);

function failure(target: AllowedPath, answer: ShellAnswer, action: string): RpcError {
  const { path } = target;
  const status = statusOf(answer);
  if (status === ENTRY_STATUS.absent) return notFound(`${path} does not exist`, { path });
  const reason = REASONS.get(status);
  if (reason !== undefined) {
    const isDirectory = status === ENTRY_STATUS.isDirectory;
    return commandFailed(`${path} ${reason}`, {
      path,
      ...(isDirectory ? { is_directory: true } : {}),
    });
  }
  // Without the program's name and the paths that only the shell knows.
  const text = answer.text.trim().split("\n").at(-1)?.split(": ").at(-1) ?? "";
  return walkFailure(target, { status, text: text.replaceAll(OLD_DIRECTORY, ""), action });
}
