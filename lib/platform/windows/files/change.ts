/**
 * Changes files by their handles: names, existence, attributes and rights.
 *
 * @module
 */

import type { Handle } from "../ffi/handle.ts";
import { ntdll, STATUS } from "../ffi/ntdll.ts";
import { FileError } from "./file_errors.ts";
import { ATTRIBUTE, type OpenHow, openName } from "./nt_file.ts";

/** FILE_INFORMATION_CLASS (wdm.h). */
const CLASS = { BASIC: 4, RENAME: 10, DISPOSITION: 13, DISPOSITION_EX: 64, RENAME_EX: 65 } as const;
/** FILE_RENAME_INFORMATION_EX. */
const RENAME = { REPLACE: 1, POSIX: 2, IGNORE_READONLY: 0x40 } as const;
/** FILE_DISPOSITION_INFORMATION_EX. */
const DELETE = { DELETE: 1, POSIX: 2, IGNORE_READONLY: 0x10 } as const;
/** What a file system answers that has no such class, such as FAT32. */
const UNSUPPORTED: readonly number[] = [
  STATUS.NOT_IMPLEMENTED,
  STATUS.INVALID_INFO_CLASS,
  STATUS.INVALID_PARAMETER,
  STATUS.NOT_SUPPORTED,
];
const DACL_SECURITY_INFORMATION = 0x4;
const PROTECTED_DACL = 0x8000_0000;
const UNPROTECTED_DACL = 0x2000_0000;
/** SE_DACL_PROTECTED in the control word of a security descriptor. */
const SE_DACL_PROTECTED = 0x1000;
/** The largest access control list is 64 KiB; with the rest of the descriptor. */
const MAX_DESCRIPTOR_BYTES = 66 * 1024;

function set(handle: Handle, information: DataView<ArrayBuffer>, informationClass: number): number {
  return ntdll.NtSetInformationFile(
    handle,
    new Uint32Array(4),
    new Uint8Array(information.buffer),
    information.byteLength,
    informationClass,
  );
}

/** Tries a class of Windows 10, else the one that every file system has. */
function setEither(
  handle: Handle,
  [first, second]: readonly [[DataView<ArrayBuffer>, number], [DataView<ArrayBuffer>, number]],
): void {
  let status = set(handle, ...first);
  if (UNSUPPORTED.includes(status)) status = set(handle, ...second);
  if (status !== STATUS.SUCCESS) throw new FileError("NtSetInformationFile", status);
}

/**
 * Renames an open file in one step. An open file that is replaced goes on existing for those who
 * read it, if they let others delete it.
 *
 * @param directory That of the new name, on the same volume.
 * @throws {FileError} OBJECT_NAME_COLLISION if there is such a file and it is not to be replaced.
 */
export function renameFile(
  handle: Handle,
  directory: Handle,
  name: string,
  { replace }: { readonly replace: boolean },
): void {
  const information = (flags: number) => {
    // FILE_RENAME_INFORMATION.
    const view = new DataView(new ArrayBuffer(20 + 2 * name.length + 4));
    view.setUint32(0, flags, true);
    view.setBigUint64(8, Deno.UnsafePointer.value(directory), true);
    view.setUint32(16, 2 * name.length, true);
    for (let i = 0; i < name.length; i++) {
      view.setUint16(20 + 2 * i, name.charCodeAt(i), true);
    }
    return view;
  };
  const flags = replace ? RENAME.REPLACE | RENAME.POSIX | RENAME.IGNORE_READONLY : 0;
  setEither(handle, [
    [information(flags), CLASS.RENAME_EX],
    [information(replace ? 1 : 0), CLASS.RENAME],
  ]);
}

/**
 * Deletes an open file, reparse point or empty directory: at once, or when others have closed it.
 *
 * @throws {FileError} DIRECTORY_NOT_EMPTY.
 */
export function deleteFile(handle: Handle): void {
  const information = (bytes: number, value: number) => {
    const view = new DataView(new ArrayBuffer(bytes));
    view.setUint8(0, value);
    return view;
  };
  setEither(handle, [
    [
      information(4, DELETE.DELETE | DELETE.POSIX | DELETE.IGNORE_READONLY),
      CLASS.DISPOSITION_EX,
    ],
    [information(1, 1), CLASS.DISPOSITION],
  ]);
}

/**
 * Makes an open file read-only, or writable.
 *
 * @throws {FileError}
 */
export function setReadOnly(handle: Handle, isReadOnly: boolean): void {
  // FILE_BASIC_INFORMATION: times that are 0 stay as they are.
  const view = new DataView(new ArrayBuffer(40));
  view.setUint32(32, isReadOnly ? ATTRIBUTE.READONLY : ATTRIBUTE.NORMAL, true);
  const status = set(handle, view, CLASS.BASIC);
  if (status !== STATUS.SUCCESS) throw new FileError("NtSetInformationFile", status);
}

/**
 * The security descriptor of an open file or pipe, with its access control list.
 *
 * @throws {FileError}
 */
export function accessListOf(handle: Handle): Uint8Array<ArrayBuffer> {
  const descriptor = new Uint8Array(MAX_DESCRIPTOR_BYTES);
  const needed = new Uint32Array(1);
  const status = ntdll.NtQuerySecurityObject(
    handle,
    DACL_SECURITY_INFORMATION,
    descriptor,
    descriptor.byteLength,
    needed,
  );
  if (status !== STATUS.SUCCESS) throw new FileError("NtQuerySecurityObject", status);
  return descriptor;
}

/**
 * Gives a file the access control list of another, inherited entries included.
 *
 * @throws {FileError}
 */
export function copyRights(from: Handle, to: Handle): void {
  const descriptor = accessListOf(from);
  const control = new DataView(descriptor.buffer).getUint16(2, true);
  const protection = (control & SE_DACL_PROTECTED) === 0 ? UNPROTECTED_DACL : PROTECTED_DACL;
  const what = (DACL_SECURITY_INFORMATION | protection) >>> 0;
  const status = ntdll.NtSetSecurityObject(to, what, descriptor);
  if (status !== STATUS.SUCCESS) throw new FileError("NtSetSecurityObject", status);
}

/** Opens a name of a directory; `undefined` if there is none. */
export function openIfAny(directory: Handle, name: string, how: OpenHow): Handle | undefined {
  try {
    return openName(directory, name, how);
  } catch (error) {
    if (error instanceof FileError && error.status === STATUS.OBJECT_NAME_NOT_FOUND) return;
    throw error;
  }
}
