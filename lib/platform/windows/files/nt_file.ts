/**
 * Files by handles: each name is opened relative to the handle of its directory, so nothing that
 * happens to the path meanwhile matters, and no reparse point is ever followed.
 *
 * @module
 */

import { type Handle, handleAt } from "../ffi/handle.ts";
import { kernel32 } from "../ffi/kernel32.ts";
import { ntdll, STATUS } from "../ffi/ntdll.ts";
import { fromWide, wide } from "../ffi/wide.ts";
import { lastError } from "../ffi/windows_error.ts";
import { FileError } from "./file_errors.ts";

/** Rights to a file (winnt.h). */
export const ACCESS = {
  READ: 0x12_0089,
  WRITE: 0x12_0116,
  LIST: 0x0001,
  ATTRIBUTES: 0x0080,
  WRITE_ATTRIBUTES: 0x0100,
  DELETE: 0x1_0000,
  READ_SECURITY: 0x2_0000,
  WRITE_SECURITY: 0x4_0000,
} as const;

/** What others may do to an open file (winnt.h). */
export const SHARE = { READ: 1, READ_WRITE: 3, ALL: 7 } as const;

/** What happens if there is a file, or none (wdm.h). */
export const DISPOSITION = { OPEN: 1, CREATE: 2, OPEN_IF: 3 } as const;

/** Kinds of files to open (wdm.h). */
export const KIND = { DIRECTORY: 0x01, FILE: 0x40, ANY: 0 } as const;

/** Attributes of files (winnt.h). */
export const ATTRIBUTE = {
  READONLY: 0x1,
  DIRECTORY: 0x10,
  NORMAL: 0x80,
  REPARSE_POINT: 0x400,
} as const;

const SYNCHRONIZE = 0x10_0000;
const FILE_SYNCHRONOUS_IO_NONALERT = 0x20;
const FILE_OPEN_REPARSE_POINT = 0x20_0000;
const OBJ_CASE_INSENSITIVE = 0x40;
/** The size of OBJECT_ATTRIBUTES, UNICODE_STRING and IO_STATUS_BLOCK in bytes. */
const SIZES = { attributes: 48, text: 16, status: 16 } as const;

/** How a file is opened. */
export interface OpenHow {
  /** Of {@link ACCESS}; waiting for the end of reading and writing is always included. */
  readonly access: number;
  readonly share: number;
  readonly disposition: number;
  readonly kind: number;
}

const addressOf = (buffer: ArrayBufferView<ArrayBuffer>): bigint =>
  Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));

/** A UNICODE_STRING, which must stay referenced while the system uses it. */
export class CountedText {
  /** The structure. */
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(SIZES.text);
  readonly #units: Uint16Array<ArrayBuffer>;

  /** @throws {TypeError} if the text contains a NUL. */
  constructor(text: string) {
    this.#units = wide(text);
    const view = new DataView(this.bytes.buffer);
    view.setUint16(0, text.length * 2, true);
    view.setUint16(2, text.length * 2, true);
    view.setBigUint64(8, addressOf(this.#units), true);
  }

  /** True; reading it keeps the text from being collected until then. */
  get isReferenced(): boolean {
    return this.bytes.byteLength > 0 && this.#units.length > 0;
  }
}

/**
 * Opens a file by one name below an open directory, or a drive's root by `\??\C:\` with no
 * directory. A reparse point is opened itself. Reading and writing by the handle wait until they are
 * done.
 *
 * @throws {FileError}
 */
export function openName(
  directory: Handle | null,
  name: string,
  { access, share, disposition, kind }: OpenHow,
): Handle {
  const text = new CountedText(name);
  const attributes = new DataView(new ArrayBuffer(SIZES.attributes));
  attributes.setUint32(0, SIZES.attributes, true);
  attributes.setBigUint64(8, Deno.UnsafePointer.value(directory), true);
  attributes.setBigUint64(16, addressOf(text.bytes), true);
  attributes.setUint32(24, OBJ_CASE_INSENSITIVE, true);
  const out = new BigUint64Array(1);
  const status = ntdll.NtCreateFile(
    out,
    access | SYNCHRONIZE,
    new Uint8Array(attributes.buffer),
    new Uint8Array(SIZES.status),
    null,
    ATTRIBUTE.NORMAL,
    share,
    disposition,
    kind | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_REPARSE_POINT,
    null,
    0,
  );
  // What the structures point to must not have been collected by now.
  const handle = status === STATUS.SUCCESS && text.isReferenced ? handleAt<"HANDLE">(out) : null;
  if (handle === null) throw new FileError("NtCreateFile", status);
  return handle;
}

/** Closes a handle. */
export function closeHandle(handle: Handle): void {
  kernel32.CloseHandle(handle);
}

/** The size of BY_HANDLE_FILE_INFORMATION. */
const FILE_INFORMATION_BYTES = 52;
/** FILETIME counts 100 ns from 1601. */
const FILETIME_EPOCH_MS = 11_644_473_600_000;
const FILETIMES_PER_MS = 10_000;

/** Milliseconds since 1970 of a FILETIME. */
export const millisecondsOf = (filetime: bigint): number =>
  Number(filetime) / FILETIMES_PER_MS - FILETIME_EPOCH_MS;

/** What is known of an open file. */
export interface FileInformation {
  /** Of {@link ATTRIBUTE}. */
  readonly attributes: number;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** The same for every name of the file, and for no other file that exists with it. */
  readonly identity: string;
}

/**
 * What is known of an open file now.
 *
 * @throws {WindowsError}
 */
export function informationOf(handle: Handle): FileInformation {
  const info = new DataView(new ArrayBuffer(FILE_INFORMATION_BYTES));
  if (kernel32.GetFileInformationByHandle(handle, new Uint8Array(info.buffer)) === 0) {
    throw lastError("GetFileInformationByHandle");
  }
  const u32 = (offset: number) => info.getUint32(offset, true);
  const pair = (high: number, low: number) => (BigInt(u32(high)) << 32n) | BigInt(u32(low));
  return {
    attributes: u32(0),
    modifiedMs: millisecondsOf(pair(24, 20)),
    sizeBytes: Number(pair(32, 36)),
    identity: `${u32(28)}-${pair(44, 48)}`,
  };
}

const FILE_ATTRIBUTE_TAG_INFORMATION = 35;

/**
 * Whether an open file is a reparse point: a symbolic link, a junction, a mounted volume or another.
 *
 * @throws {FileError}
 */
export function isReparsePoint(handle: Handle): boolean {
  const information = new Uint32Array(2);
  const status = ntdll.NtQueryInformationFile(
    handle,
    new Uint32Array(4),
    information,
    information.byteLength,
    FILE_ATTRIBUTE_TAG_INFORMATION,
  );
  if (status !== STATUS.SUCCESS) throw new FileError("NtQueryInformationFile", status);
  return ((information[0] ?? 0) & ATTRIBUTE.REPARSE_POINT) !== 0;
}

/** The longest path of Windows, with its NUL. */
const MAX_PATH_UNITS = 32_768;
const VERBATIM = "\\\\?\\";
const pathUnits = new Uint16Array(MAX_PATH_UNITS);

/**
 * The path of an open file, without short names and with the case that it was created with.
 *
 * @throws {WindowsError}
 */
export function finalPathOf(handle: Handle): string {
  const length = kernel32.GetFinalPathNameByHandleW(handle, pathUnits, pathUnits.length, 0);
  if (length === 0 || length > pathUnits.length) throw lastError("GetFinalPathNameByHandleW");
  const path = fromWide(pathUnits.subarray(0, length));
  return path.startsWith(VERBATIM) ? path.slice(VERBATIM.length) : path;
}
