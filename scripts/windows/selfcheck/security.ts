/**
 * Access control lists, privileges and the rights of this process, as text.
 *
 * @module
 */

import { type Handle, handleAt } from "../../../lib/platform/windows/ffi/handle.ts";
import { kernel32 } from "../../../lib/platform/windows/ffi/kernel32.ts";
import { services } from "../../../lib/platform/windows/ffi/services.ts";
import { fromWide } from "../../../lib/platform/windows/ffi/wide.ts";
import { lastError } from "../../../lib/platform/windows/ffi/windows_error.ts";
import { accessListOf } from "../../../lib/platform/windows/files/change.ts";
import {
  closeHandle,
  DISPOSITION,
  KIND,
  openName,
  SHARE,
} from "../../../lib/platform/windows/files/nt_file.ts";
import { advapi32 } from "./calls.ts";

const DACL_SECURITY_INFORMATION = 0x4;
const SDDL_REVISION_1 = 1;
const READ_CONTROL = 0x2_0000;
const TOKEN_QUERY = 0x8;
/** Members of TOKEN_INFORMATION_CLASS (winnt.h). */
const TOKEN = { privileges: 3, elevation: 20 } as const;
const MAX_PRIVILEGES_BYTES = 4096;
/** LUID_AND_ATTRIBUTES: a LUID of 8 bytes, and 4 bytes of attributes. */
const PRIVILEGE_BYTES = 12;
const LUID_BYTES = 8;
const MAX_NAME_UNITS = 256;

/** The access control list of an open file or pipe, in the Security Descriptor Definition Language. */
export function accessListText(handle: Handle): string {
  const out = new BigUint64Array(1);
  const length = new Uint32Array(1);
  const isConverted = advapi32.ConvertSecurityDescriptorToStringSecurityDescriptorW(
    accessListOf(handle),
    SDDL_REVISION_1,
    DACL_SECURITY_INFORMATION,
    out,
    length,
  );
  const text = Deno.UnsafePointer.create(out[0] ?? 0n);
  if (isConverted === 0 || text === null) {
    throw lastError("ConvertSecurityDescriptorToStringSecurityDescriptorW");
  }
  const bytes = Deno.UnsafePointerView.getArrayBuffer(text, 2 * (length[0] ?? 0)).slice(0);
  kernel32.LocalFree(text);
  return fromWide(new Uint16Array(bytes));
}

/** The access control list of a file or directory. */
export function fileAccessList(path: string): string {
  const file = openName(null, `\\??\\${path}`, {
    access: READ_CONTROL,
    share: SHARE.ALL,
    disposition: DISPOSITION.OPEN,
    kind: KIND.ANY,
  });
  try {
    return accessListText(file);
  } finally {
    closeHandle(file);
  }
}

/** A member of this process's token. */
function tokenInformation(member: number, maxBytes: number): DataView<ArrayBuffer> {
  const out = new BigUint64Array(1);
  if (services.OpenProcessToken(kernel32.GetCurrentProcess(), TOKEN_QUERY, out) === 0) {
    throw lastError("OpenProcessToken");
  }
  const token = handleAt<"HANDLE">(out);
  try {
    const bytes = new Uint8Array(maxBytes);
    const needed = new Uint32Array(1);
    if (services.GetTokenInformation(token, member, bytes, maxBytes, needed) === 0) {
      throw lastError("GetTokenInformation");
    }
    return new DataView(bytes.buffer);
  } finally {
    kernel32.CloseHandle(token);
  }
}

/** Whether this process has the rights of an administrator. */
export const isElevated = (): boolean =>
  tokenInformation(TOKEN.elevation, 4).getUint32(0, true) > 0;

/** The names of the privileges that this process has, switched on or not. */
export function privileges(): string[] {
  const information = tokenInformation(TOKEN.privileges, MAX_PRIVILEGES_BYTES);
  return Array.from({ length: information.getUint32(0, true) }, (_, index) => {
    const luid = new Uint8Array(information.buffer, 4 + index * PRIVILEGE_BYTES, LUID_BYTES);
    const name = new Uint16Array(MAX_NAME_UNITS);
    const length = new Uint32Array([name.length]);
    if (advapi32.LookupPrivilegeNameW(null, luid.slice(), name, length) === 0) {
      throw lastError("LookupPrivilegeNameW");
    }
    return fromWide(name);
  }).sort();
}
