/**
 * Values as the registry stores them.
 *
 * @module
 */

import type { StoredValue } from "../../../../lib/platform/windows/registry/values.ts";

/** A value of any type. */
export function stored(name: string, type: number, bytes: Iterable<number>): StoredValue {
  const data = Uint8Array.from(bytes);
  return { name, type, data, sizeBytes: data.byteLength };
}

const wideBytes = (text: string) =>
  new Uint8Array(Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)).buffer);

/** A REG_SZ. */
export const text = (name: string, value: string): StoredValue =>
  stored(name, 1, wideBytes(`${value}\0`));

/** A REG_DWORD. */
export const dword = (name: string, value: number): StoredValue =>
  stored(name, 4, new Uint8Array(Uint32Array.of(value).buffer));

/** A REG_MULTI_SZ. */
export const multiText = (name: string, values: readonly string[]): StoredValue =>
  stored(name, 7, wideBytes(`${values.map((value) => `${value}\0`).join("")}\0`));
