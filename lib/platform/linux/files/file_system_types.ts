/**
 * Determines the kind of file system that a directory is on.
 *
 * Two things depend on it. What a process writes to a tmpfs is charged to its control group for as
 * long as the file exists: the agent's group is small, so a process in the commands' group has to
 * write there. And a directory's owner and mode are reliable only if this machine's kernel keeps
 * them: a FUSE or file server may report anything.
 *
 * @module
 */

import type { AllowedPath } from "../../../policy/paths.ts";
import type { FileShells } from "./file_shells.ts";
import { routeTo, walkFailure } from "./walk.ts";

/** Magic numbers of statfs(2), as stat(1) prints them: tmpfs and ramfs. */
const MEMORY_BACKED = ["1021994", "858458f6"];
/** ext2 to ext4, XFS, Btrfs, F2FS, ZFS and overlayfs. */
const ON_DISK = ["ef53", "58465342", "9123683e", "f2f52010", "2fc12fc1", "794c7630"];
/** Device numbers are reused after an unmount. */
const KNOWN_MS = 10_000;
const MAX_KNOWN = 64;

/** A kind of file system. */
export interface FileSystemType {
  /** Whether files are in memory. */
  readonly isInMemory: boolean;
  /** Whether this machine's kernel alone decides who may change what. */
  readonly isLocal: boolean;
}

interface Known extends FileSystemType {
  readonly since: number;
}

/** Kinds of file systems, cached for a short time. */
export class FileSystemTypes {
  readonly #shells: FileShells;
  /** By device number. */
  readonly #known = new Map<number, Known>();

  constructor(shells: FileShells) {
    this.#shells = shells;
  }

  /**
   * The kind of the file system `device`.
   *
   * @param directory A directory in it.
   */
  async typeOf(
    device: number,
    directory: AllowedPath,
    signal: AbortSignal,
  ): Promise<FileSystemType> {
    const known = this.#known.get(device);
    if (known !== undefined && performance.now() - known.since < KNOWN_MS) return known;
    const { word, text } = await this.#shells.use(
      signal,
      (shell) => shell.ask("fstype", routeTo(directory.path, directory.root), [], signal),
    );
    if (word !== "0") throw walkFailure(directory, { status: Number(word), text, action: "used" });
    const magic = text.trim();
    const isInMemory = MEMORY_BACKED.includes(magic);
    const found = {
      isInMemory,
      isLocal: isInMemory || ON_DISK.includes(magic),
      since: performance.now(),
    };
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(device, found);
    return found;
  }
}
