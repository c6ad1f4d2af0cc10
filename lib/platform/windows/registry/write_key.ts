/**
 * Writes values of registry keys.
 *
 * @module
 */

import { handleAt, type RegistryKey } from "../ffi/handle.ts";
import { advapi32 } from "../ffi/advapi32.ts";
import { services } from "../ffi/services.ts";
import { wide } from "../ffi/wide.ts";
import { ERROR, WindowsError } from "../ffi/windows_error.ts";
import type { StoredValue } from "./values.ts";

/** HKEY_LOCAL_MACHINE, sign-extended as winreg.h has it. */
const LOCAL_MACHINE = Deno.UnsafePointer.create<"HKEY">(0xffff_ffff_8000_0002n);
/** KEY_WOW64_64KEY: the same key for 32-bit programs. */
const VIEW_64 = 0x0100;
const KEY_SET_VALUE = 0x0002;
const TYPE = { text: 1, expandable: 2, number: 4, list: 7 } as const;

/** A value: text, text with variables such as `%SystemRoot%`, a number, or a list. */
export type NewValue =
  | string
  | number
  | readonly string[]
  | { readonly expandable: string };

/**
 * Creates a key below HKEY_LOCAL_MACHINE if it is missing, and sets values.
 *
 * @throws {WindowsError}
 */
export function writeKey(path: string, values: Readonly<Record<string, NewValue>>): void {
  const out = new BigUint64Array(1);
  const status = services.RegCreateKeyExW(
    LOCAL_MACHINE,
    wide(path),
    0,
    null,
    0,
    KEY_SET_VALUE | VIEW_64,
    null,
    out,
    null,
  );
  if (status !== 0) throw new WindowsError("RegCreateKeyExW", status);
  const key = handleAt<"HKEY">(out);
  try {
    for (const [name, value] of Object.entries(values)) setValue(key, name, value);
  } finally {
    advapi32.RegCloseKey(key);
  }
}

/** A value as the registry will store it. */
export function storedValue(name: string, value: NewValue): Required<StoredValue> {
  const { type, data } = encoded(value);
  return { name, type, data, sizeBytes: data.byteLength };
}

function setValue(key: RegistryKey | null, name: string, value: NewValue): void {
  const { type, data } = encoded(value);
  const status = services.RegSetValueExW(key, wide(name), 0, type, data, data.byteLength);
  if (status !== 0) throw new WindowsError("RegSetValueExW", status);
}

function encoded(value: NewValue): { type: number; data: Uint8Array<ArrayBuffer> } {
  if (typeof value === "number") {
    return { type: TYPE.number, data: new Uint8Array(new Uint32Array([value]).buffer) };
  }
  if (typeof value === "string") return { type: TYPE.text, data: bytesOf([value]) };
  if ("expandable" in value) return { type: TYPE.expandable, data: bytesOf([value.expandable]) };
  return { type: TYPE.list, data: bytesOf([...value, ""]) };
}

/** The texts, each with its final NUL. */
function bytesOf(texts: readonly string[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Uint16Array(texts.flatMap((text) => [...wide(text)])).buffer);
}

/**
 * Deletes a value of a key below HKEY_LOCAL_MACHINE; one that is missing is no error.
 *
 * @throws {WindowsError}
 */
export function deleteValue(path: string, name: string): void {
  const status = services.RegDeleteKeyValueW(LOCAL_MACHINE, wide(path), wide(name));
  if (status !== 0 && status !== ERROR.FILE_NOT_FOUND) {
    throw new WindowsError("RegDeleteKeyValueW", status);
  }
}

/**
 * Deletes a key below HKEY_LOCAL_MACHINE, which has no keys in it; one that is missing is no error.
 *
 * @throws {WindowsError}
 */
export function deleteKey(path: string): void {
  const status = services.RegDeleteKeyExW(LOCAL_MACHINE, wide(path), VIEW_64, 0);
  if (status !== 0 && status !== ERROR.FILE_NOT_FOUND) {
    throw new WindowsError("RegDeleteKeyExW", status);
  }
}
