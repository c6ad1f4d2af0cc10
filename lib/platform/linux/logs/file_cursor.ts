/**
 * Cursors of log files: text that only this agent reads, and that the host keeps.
 *
 * @module
 */

import { invalidParams } from "../../../base/errors.ts";

/** How many bytes before a position are compared to recognise a file that was copied or packed. */
export const CHECKED_BYTES = 512;

/** A position in one of a log's files. */
export interface FilePosition {
  /** The file's device and inode. */
  readonly identity: string;
  readonly offset: number;
  /** The digest of the {@link CHECKED_BYTES} before the offset. */
  readonly digest: string;
  /** When the file was last changed, in milliseconds since 1970. */
  readonly modifiedMs: number;
  /** Whether the position is within a line. */
  readonly isMidLine: boolean;
}

const CURSOR_REGEXP =
  /^f1\.([0-9a-f]{8})\.(\d{1,20}-\d{1,20})\.(\d{1,16})\.([0-9a-f]{16})\.(\d{1,16})\.([lm])$/;

/** The first digits of the SHA-256 of some bytes. */
export async function digestOf(bytes: Uint8Array<ArrayBuffer>, digits: number): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, digits);
}

/** Ties a cursor to what it was made for, such as a path. */
export const markOf = (subject: string): Promise<string> =>
  digestOf(new TextEncoder().encode(subject), 8);

/** The digest of the bytes before a position. */
export const checkDigest = (bytes: Uint8Array<ArrayBuffer>): Promise<string> => digestOf(bytes, 16);

/** The refusal of a cursor. */
export const badCursor = (why: string) =>
  invalidParams(
    `cursor ${why}; pass the cursor of an earlier answer unchanged, or none to start over`,
    { params: ["cursor"] },
  );

/** The text of a position in the log at this path. */
export async function fileCursor(path: string, position: FilePosition): Promise<string> {
  const { identity, offset, digest, modifiedMs, isMidLine } = position;
  const end = isMidLine ? "m" : "l";
  return `f1.${await markOf(path)}.${identity}.${offset}.${digest}.${modifiedMs}.${end}`;
}

/**
 * The position that a cursor contains.
 *
 * @throws {RpcError} -32602 for anything but a cursor of this path.
 */
export async function parseFileCursor(path: string, cursor: string): Promise<FilePosition> {
  const match = CURSOR_REGEXP.exec(cursor);
  if (match === null) throw badCursor("is not one of a log file");
  const [, mark, identity = "", offset = "", digest = "", modifiedMs = "", end] = match;
  if (mark !== await markOf(path)) throw badCursor("belongs to another path");
  if (!Number.isSafeInteger(Number(offset))) throw badCursor("has an impossible offset");
  return {
    identity,
    offset: Number(offset),
    digest,
    modifiedMs: Number(modifiedMs),
    isMidLine: end === "m",
  };
}
