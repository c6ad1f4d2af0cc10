/**
 * The guest's files: the interface that every platform implements.
 *
 * Every path is an {@link AllowedPath}: the policy has allowed it by its text. The platform does
 * the other half: it follows no symbolic link at or below the allowed entry, even if files are
 * swapped while it works.
 *
 * @module
 */

import type { UnescapedBytes } from "../base/json_text.ts";
import type { AllowedPath } from "../policy/paths.ts";

/** File types in the protocol's words; `unknown` is for types that a newer kernel may add. */
export const FILE_TYPES = [
  "file",
  "directory",
  "symlink",
  "fifo",
  "socket",
  "character_device",
  "block_device",
  "unknown",
] as const;

/** One of {@link FILE_TYPES}. */
export type FileType = (typeof FILE_TYPES)[number];

/** What a path names. */
export interface FileStatus {
  readonly type: FileType;
  readonly sizeBytes: number;
  /** Permission bits, up to 0777. */
  readonly mode: number;
  /** Whole seconds since 1970-01-01 UTC. */
  readonly modifiedAt: number;
}

/** An entry of a directory. A symbolic link is described itself, not its target. */
export interface DirectoryEntry extends FileStatus {
  readonly name: string;
}

/** A page of a directory. */
export interface DirectoryPage {
  /** Sorted by name (UTF-16 code units). */
  readonly entries: readonly DirectoryEntry[];
  /** The last name of the page, even if that entry vanished before it was described. */
  readonly last: string | undefined;
  /** The number of names after this page. */
  readonly following: number;
  /** The number of names in the whole directory that are not UTF-8: no request can name them. */
  readonly notUtf8: number;
}

/** Which part of a directory to list. */
export interface PageOptions {
  /** Only names after this one. */
  readonly after: string;
  /** The maximum number of entries. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** Bytes read from a file. */
export interface Piece {
  /** Valid until the file is disposed of. */
  readonly bytes: Uint8Array;
  /** The same in base64, valid until it is released. */
  base64(): UnescapedBytes;
}

/** A regular file, opened and verified; dispose of it after use. */
export interface OpenFile extends Disposable {
  /** Its size in bytes when it was opened. */
  readonly sizeBytes: number;
  /** The same for every name of the file, and for no other file that exists with it: `1-234`. */
  readonly identity: string;
  /** When it was last changed before it was opened, in milliseconds since 1970. */
  readonly modifiedMs: number;
  /** Reads up to `length` bytes from `offset`, fewer at the end of the file. */
  readAt(offset: number, length: number, signal: AbortSignal): Promise<Piece>;
  /** The same, if it was read ahead and the file has not changed since; else `undefined`. */
  readAhead?(offset: number, length: number): Piece | undefined;
  /** Writes all bytes at `offset`. */
  writeAt(offset: number, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /**
   * The SHA-256 of a part of the file, as 64 hexadecimal digits.
   *
   * @throws {RpcError} -32000 if the file changes meanwhile.
   */
  sha256(offset: number, length: number, signal: AbortSignal): Promise<string>;
}

/** How a new file is created. */
export interface NewFileOptions {
  /** Permission bits, up to 0777. By default those of the file that is replaced, else 0644. */
  readonly mode?: number | undefined;
  /** Whether to create missing directories (0755), from the allowed path itself downwards. */
  readonly createDirectories: boolean;
}

/** How a file is opened. */
export interface OpenOptions {
  readonly access: "read" | "write";
  /** Creates a missing file; without it a missing file is an error. */
  readonly create?: NewFileOptions;
  readonly signal: AbortSignal;
}

/** How a file is replaced. */
export interface ReplaceOptions extends NewFileOptions {
  readonly signal: AbortSignal;
}

/** What to verify about a file before it gets its final name. */
export interface CommitOptions {
  /** Another file in the same directory. */
  readonly from: AllowedPath;
  readonly sizeBytes: number;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** As in {@link NewFileOptions}. */
  readonly mode?: number | undefined;
  readonly signal: AbortSignal;
}

/** How a file or directory is renamed. */
export interface RenameOptions {
  /** The new path, on the same file system. */
  readonly to: AllowedPath;
  /** Whether a file or an empty directory at the new path is replaced. */
  readonly replace: boolean;
  readonly signal: AbortSignal;
}

/** How a directory is created. */
export interface DirectoryOptions {
  /** Permission bits, up to 0777. @default {0o755} */
  readonly mode?: number | undefined;
  /** Whether to create missing directories above it (0755), from the allowed path itself downwards. */
  readonly createDirectories: boolean;
  readonly signal: AbortSignal;
}

/** How a directory is removed. */
export interface RemoveDirectoryOptions {
  /**
   * The most entries that are removed with it, itself included; with more, nothing is removed. 1
   * removes only an empty directory.
   */
  readonly maxEntries: number;
  readonly signal: AbortSignal;
}

/**
 * The files of the guest. All methods throw an {@link RpcError}, or a native error that the
 * executor translates: -32001 for a symbolic link or if the guest refuses, -32002 if something is
 * missing, -32000 for anything that is not a regular file (or directory, for a listing) and for
 * errors of the file system. If the signal is aborted, they throw its reason.
 */
export interface Files {
  /** What the path names. */
  status(path: AllowedPath, signal: AbortSignal): Promise<FileStatus>;
  /** A page of a directory, in bounded memory. */
  list(directory: AllowedPath, options: PageOptions): Promise<DirectoryPage>;
  /** Opens a regular file. */
  open(path: AllowedPath, options: OpenOptions): Promise<OpenFile>;
  /** Opens a file to read it, if it is still open and nothing else uses it; else `undefined`. */
  openAgain?(path: AllowedPath): OpenFile | undefined;
  /** Replaces or creates a file in one step; on any error the old one is untouched. */
  replace(path: AllowedPath, bytes: Uint8Array, options: ReplaceOptions): Promise<void>;
  /** Verifies a file, flushes it to the disk and renames it to `path` in one step. */
  commit(path: AllowedPath, options: CommitOptions): Promise<void>;
  /** Removes anything but a directory. A symbolic link is removed itself. */
  remove(path: AllowedPath, signal: AbortSignal): Promise<void>;
  /** Renames a regular file or a directory in one step; nothing is ever copied. */
  rename(path: AllowedPath, options: RenameOptions): Promise<void>;
  /** Creates a directory; returns false if it exists already. */
  createDirectory(path: AllowedPath, options: DirectoryOptions): Promise<boolean>;
  /**
   * Removes a directory and, if told, everything in it on the same file system. If it fails on the
   * way, part of it may be gone.
   *
   * @returns How many entries were removed.
   */
  removeDirectory(path: AllowedPath, options: RemoveDirectoryOptions): Promise<number>;
}
