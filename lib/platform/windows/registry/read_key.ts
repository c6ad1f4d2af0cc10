/**
 * Reads the values of a registry key.
 *
 * @module
 */

import { advapi32 } from "../ffi/advapi32.ts";
import { handleAt, type RegistryKey } from "../ffi/handle.ts";
import { fromWide, wide } from "../ffi/wide.ts";
import { ERROR, WindowsError } from "../ffi/windows_error.ts";
import type { StoredValue } from "./values.ts";

/** HKEY_LOCAL_MACHINE, sign-extended as winreg.h has it. */
const LOCAL_MACHINE = Deno.UnsafePointer.create<"HKEY">(0xffff_ffff_8000_0002n);
/** KEY_READ | KEY_WOW64_64KEY: the same key for 32-bit programs. */
const READ_64 = 0x2_0119;
/** The longest name of a value, with its NUL. */
const MAX_NAME_UNITS = 16_384;

/**
 * The values of a key below HKEY_LOCAL_MACHINE; `undefined` if there is no such key.
 *
 * @param path Such as `Software\KVMManager\Agent`.
 * @param maxBytes The data of larger values is left out.
 * @throws {WindowsError} if it cannot be read.
 */
export function readKey(path: string, maxBytes: number): readonly StoredValue[] | undefined {
  const out = new BigUint64Array(1);
  const status = advapi32.RegOpenKeyExW(LOCAL_MACHINE, wide(path), 0, READ_64, out);
  if (status === ERROR.FILE_NOT_FOUND) return undefined;
  if (status !== 0) throw new WindowsError("RegOpenKeyExW", status);
  const key = handleAt<"HKEY">(out);
  try {
    const values: StoredValue[] = [];
    for (let index = 0;; index++) {
      const name = nameAt(key, index);
      if (name === undefined) return values;
      const value = valueOf(key, name, maxBytes);
      if (value !== undefined) values.push(value);
    }
  } finally {
    advapi32.RegCloseKey(key);
  }
}

/** The name of a value by its number; `undefined` after the last. */
function nameAt(key: RegistryKey | null, index: number): string | undefined {
  const name = new Uint16Array(MAX_NAME_UNITS);
  const length = new Uint32Array([name.length]);
  const status = advapi32.RegEnumValueW(key, index, name, length, null, null, null, null);
  if (status === ERROR.NO_MORE_ITEMS) return undefined;
  if (status !== 0) throw new WindowsError("RegEnumValueW", status);
  return fromWide(name.subarray(0, length[0]));
}

/** A value by its name; `undefined` if it was deleted meanwhile. */
function valueOf(
  key: RegistryKey | null,
  name: string,
  maxBytes: number,
): StoredValue | undefined {
  const data = new Uint8Array(maxBytes);
  const type = new Uint32Array(1);
  const size = new Uint32Array([maxBytes]);
  const status = advapi32.RegQueryValueExW(key, wide(name), null, type, data, size);
  if (status === ERROR.FILE_NOT_FOUND) return undefined;
  const value = { name, type: type[0] ?? 0, sizeBytes: size[0] ?? 0 };
  if (status === ERROR.MORE_DATA) return value;
  if (status !== 0) throw new WindowsError("RegQueryValueExW", status);
  return { ...value, data: data.slice(0, value.sizeBytes) };
}
