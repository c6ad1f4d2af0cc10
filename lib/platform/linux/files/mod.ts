/**
 * The files of a Linux guest.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
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
import { type AllowedPath, isInside } from "../../../policy/paths.ts";
import { BoundedOpens } from "./bounded_opens.ts";
import { childHash } from "./child_hash.ts";
import { ChildWrittenFile } from "./child_written_file.ts";
import { commitFile } from "./commit_file.ts";
import { Entries } from "./entries.ts";
import { FileShells } from "./file_shells.ts";
import { FileSystemTypes } from "./file_system_types.ts";
import { fileStatus } from "./file_type.ts";
import type { KeptFile } from "./kept_file.ts";
import { KeptFiles } from "./kept_files.ts";
import { listDirectory } from "./list_directory.ts";
import { NewFiles } from "./new_file.ts";
import { statRealPath } from "./real_path.ts";
import { ThreadRouser } from "./rouse_threads.ts";

/** The files of a Linux guest, accessed through Deno and a shell. */
export class LinuxFiles implements Files, AsyncDisposable {
  readonly #shells: FileShells;
  readonly #rouser: ThreadRouser;
  readonly #opens: BoundedOpens;
  readonly #kept: KeptFiles;
  readonly #new: NewFiles;
  readonly #entries: Entries;
  readonly #types: FileSystemTypes;
  readonly #separate: boolean;

  /** @param separate Whether files in memory must not be charged to the agent's control group. */
  constructor(separate = false) {
    this.#shells = new FileShells(separate);
    this.#rouser = new ThreadRouser(this.#shells);
    this.#opens = new BoundedOpens(() => this.#rouser.rouse());
    this.#types = new FileSystemTypes(this.#shells);
    const tools = { shells: this.#shells, types: this.#types };
    this.#kept = new KeptFiles(
      this.#opens,
      (target, info, signal) => childHash(tools, target, info, { signal }),
    );
    this.#separate = separate;
    this.#entries = new Entries(this.#shells);
    this.#new = new NewFiles({
      shells: this.#shells,
      opens: this.#opens,
      types: this.#types,
      separate,
    });
  }

  async status(path: AllowedPath, signal: AbortSignal): Promise<FileStatus> {
    signal.throwIfAborted();
    return fileStatus(await statRealPath(path));
  }

  list(directory: AllowedPath, options: PageOptions): Promise<DirectoryPage> {
    return listDirectory(directory, options);
  }

  async open(path: AllowedPath, { access, create, signal }: OpenOptions): Promise<OpenFile> {
    const open = () => this.#kept.take(path, access, signal);
    const file = await open().catch(async (error) => {
      if (create === undefined || !(error instanceof Deno.errors.NotFound)) throw error;
      await this.#new.create(path, create, signal);
      return await open();
    });
    return access === "write" && this.#separate ? await this.#forWriting(file, path, signal) : file;
  }

  openAgain(path: AllowedPath): OpenFile | undefined {
    return this.#kept.takeAgain(path, "read");
  }

  async #forWriting(file: KeptFile, path: AllowedPath, signal: AbortSignal): Promise<OpenFile> {
    try {
      const directory = dirname(path.path);
      const { isInMemory } = await this.#types.typeOf(file.info.dev, {
        path: directory,
        root: isInside(directory, path.root) ? path.root : directory,
      }, signal);
      return isInMemory ? new ChildWrittenFile(file, path, this.#shells) : file;
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  replace(path: AllowedPath, bytes: Uint8Array, options: ReplaceOptions): Promise<void> {
    return this.#new.replace(path, bytes, options);
  }

  async commit(path: AllowedPath, options: CommitOptions): Promise<void> {
    this.#kept.forget(options.from.path);
    const tools = { shells: this.#shells, opens: this.#opens, types: this.#types };
    await commitFile(tools, path, options);
  }

  async remove(path: AllowedPath, signal: AbortSignal): Promise<void> {
    this.#kept.forget(path.path);
    await this.#entries.remove(path, signal);
  }

  async rename(path: AllowedPath, options: RenameOptions): Promise<void> {
    for (const renamed of [path, options.to]) this.#kept.forget(renamed.path);
    await this.#entries.rename(path, options);
  }

  createDirectory(path: AllowedPath, options: DirectoryOptions): Promise<boolean> {
    return this.#entries.createDirectory(path, options);
  }

  async removeDirectory(path: AllowedPath, options: RemoveDirectoryOptions): Promise<number> {
    this.#kept.forget(path.path);
    return await this.#entries.removeDirectory(path, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kept[Symbol.dispose]();
    await this.#rouser.settled();
    await this.#shells[Symbol.asyncDispose]();
    this.#rouser[Symbol.dispose]();
  }
}
