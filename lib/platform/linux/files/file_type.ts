/**
 * Translates the kernel's file modes to the protocol's words.
 *
 * @module
 */

import type { FileStatus, FileType } from "../../../guest/files.ts";

/** The file type bits of a mode (inode(7)). */
const TYPE_MASK = 0o170000;
const PERMISSION_MASK = 0o777;
const MS_PER_SECOND = 1000;

const TYPES: Readonly<Record<number, FileType>> = {
  0o010000: "fifo",
  0o020000: "character_device",
  0o040000: "directory",
  0o060000: "block_device",
  0o100000: "file",
  0o120000: "symlink",
  0o140000: "socket",
};

/** The type of a file with this mode. */
export const fileType = (mode: number): FileType => TYPES[mode & TYPE_MASK] ?? "unknown";

/** The permission bits of a mode. */
export const permissionBits = (mode: number): number => mode & PERMISSION_MASK;

/** A file's status from Deno's `FileInfo`. */
export function fileStatus({ mode, size, mtime }: Deno.FileInfo): FileStatus {
  return {
    type: fileType(mode ?? 0),
    sizeBytes: size,
    mode: permissionBits(mode ?? 0),
    modifiedAt: Math.floor((mtime?.getTime() ?? 0) / MS_PER_SECOND),
  };
}
