/**
 * Lists a directory by its handle.
 *
 * @module
 */

import { sleep } from "../../../base/timer.ts";
import type {
  DirectoryEntry,
  DirectoryPage,
  FileStatus,
  PageOptions,
} from "../../../guest/files.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import { NamePage } from "../../name_page.ts";
import type { Handle } from "../ffi/handle.ts";
import { ntdll, STATUS } from "../ffi/ntdll.ts";
import { FileError } from "./file_errors.ts";
import {
  ACCESS,
  ATTRIBUTE,
  closeHandle,
  CountedText,
  type FileInformation,
  KIND,
  millisecondsOf,
  SHARE,
} from "./nt_file.ts";
import { attempt, openReal } from "./real_file.ts";

const FILE_FULL_DIRECTORY_INFORMATION = 2;
const BUFFER_BYTES = 64 * 1024;
const MS_PER_SECOND = 1000;
/** What Windows has of permission bits: whether a file can be written. */
const MODES = { directory: 0o777, file: 0o666, readOnly: 0o444 } as const;

/** An entry as the directory has it, with its attributes. */
export interface FoundEntry extends Pick<FileInformation, "attributes" | "sizeBytes"> {
  readonly name: string;
  readonly modifiedMs: number;
}

/**
 * All entries but `.` and `..`, in pieces as the system returns them.
 *
 * @param pattern Such as `*.txt`: the entries that the system finds for it. It also compares short
 * names.
 * @throws {FileError}
 */
export function* entriesOf(
  directory: Handle,
  pattern?: string,
): Generator<readonly FoundEntry[]> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  const text = pattern === undefined ? undefined : new CountedText(pattern);
  for (let restart = 1;; restart = 0) {
    const status = ntdll.NtQueryDirectoryFile(
      directory,
      null,
      null,
      null,
      new Uint32Array(4),
      buffer,
      BUFFER_BYTES,
      FILE_FULL_DIRECTORY_INFORMATION,
      0,
      text?.bytes ?? null,
      restart,
    );
    if (status === STATUS.NO_MORE_FILES || restart === 1 && status === STATUS.NO_SUCH_FILE) return;
    if (status !== STATUS.SUCCESS) throw new FileError("NtQueryDirectoryFile", status);
    yield parse(buffer);
  }
}

/** Reads a chain of FILE_FULL_DIR_INFORMATION. */
function parse(buffer: Uint8Array<ArrayBuffer>): FoundEntry[] {
  const view = new DataView(buffer.buffer);
  const entries: FoundEntry[] = [];
  for (let at = 0;;) {
    const units = new Uint16Array(buffer.buffer, at + 68, view.getUint32(at + 60, true) / 2);
    const name = Array.from(units, (unit) => String.fromCharCode(unit)).join("");
    if (name !== "." && name !== "..") {
      entries.push({
        name,
        attributes: view.getUint32(at + 56, true),
        sizeBytes: Number(view.getBigInt64(at + 40, true)),
        modifiedMs: millisecondsOf(view.getBigInt64(at + 24, true)),
      });
    }
    const next = view.getUint32(at, true);
    if (next === 0) return entries;
    at += next;
  }
}

/** A file's status in the words of the protocol. */
export function statusOf(
  { attributes, sizeBytes, modifiedMs }: Omit<FoundEntry, "name">,
): FileStatus {
  const has = (attribute: number) => (attributes & attribute) !== 0;
  const isDirectory = has(ATTRIBUTE.DIRECTORY);
  return {
    type: has(ATTRIBUTE.REPARSE_POINT) ? "symlink" : isDirectory ? "directory" : "file",
    sizeBytes: isDirectory ? 0 : sizeBytes,
    mode: isDirectory ? MODES.directory : has(ATTRIBUTE.READONLY) ? MODES.readOnly : MODES.file,
    modifiedAt: Math.floor(modifiedMs / MS_PER_SECOND),
  };
}

/** A page of the directory, as `Files.list` of the guest. */
export async function listDirectory(
  target: AllowedPath,
  { after, limit, signal }: PageOptions,
): Promise<DirectoryPage> {
  const how = { access: ACCESS.LIST | ACCESS.ATTRIBUTES, share: SHARE.ALL, kind: KIND.DIRECTORY };
  const { handle } = openReal(target, how);
  const page = new NamePage<DirectoryEntry>(after, limit, ({ name }) => name);
  try {
    const pieces = entriesOf(handle);
    for (;;) {
      const { value, done } = attempt(target.path, () => pieces.next(), "listed");
      if (done === true) break;
      for (const entry of value) {
        if (entry.name.isWellFormed()) page.add({ name: entry.name, ...statusOf(entry) });
        else page.notUtf8 += 1;
      }
      // Others are served meanwhile.
      await sleep(0);
      signal.throwIfAborted();
    }
  } finally {
    closeHandle(handle);
  }
  page.finish();
  const { entries, following, notUtf8 } = page;
  return { entries, last: entries.at(-1)?.name, following, notUtf8 };
}
