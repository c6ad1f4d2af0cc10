/**
 * What an entry of a directory is, in the words of the protocol.
 *
 * @module
 */

/** The file type bits of a mode (inode(7)). */
const TYPE_MASK = 0o170000;

/** What an entry of a directory can be; `unknown` is for what a newer kernel may bring. */
export const ENTRY_TYPES = [
  "file",
  "directory",
  "symlink",
  "fifo",
  "socket",
  "character_device",
  "block_device",
  "unknown",
] as const;

/** One of {@link ENTRY_TYPES}. */
export type EntryType = (typeof ENTRY_TYPES)[number];

const TYPE_OF: Readonly<Record<number, EntryType>> = {
  0o010000: "fifo",
  0o020000: "character_device",
  0o040000: "directory",
  0o060000: "block_device",
  0o100000: "file",
  0o120000: "symlink",
  0o140000: "socket",
};

/** What a mode says a file is. */
export const entryType = (mode: number): EntryType => TYPE_OF[mode & TYPE_MASK] ?? "unknown";

/** The permission bits of a mode as file_write takes them: `0644`. */
export const permissionText = (mode: number): string =>
  `0${(mode & 0o777).toString(8).padStart(3, "0")}`;

/** An entry of a directory; a link is described itself. */
export interface DirectoryEntry {
  readonly name: string;
  readonly type: EntryType;
  readonly sizeBytes: number;
  readonly permissions: string;
  /** Seconds since 1970-01-01 UTC. */
  readonly modifiedAt: number;
}
