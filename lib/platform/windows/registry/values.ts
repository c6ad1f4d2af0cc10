/**
 * Values of the registry, decoded.
 *
 * @module
 */

/** The type numbers of values (winnt.h). */
const TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [0, "REG_NONE"],
  [1, "REG_SZ"],
  [2, "REG_EXPAND_SZ"],
  [3, "REG_BINARY"],
  [4, "REG_DWORD"],
  [5, "REG_DWORD_BIG_ENDIAN"],
  [6, "REG_LINK"],
  [7, "REG_MULTI_SZ"],
  [11, "REG_QWORD"],
]);

/** A value as the registry stores it. */
export interface StoredValue {
  readonly name: string;
  readonly type: number;
  /** Its size, also if it is too large for `data` to be read. */
  readonly sizeBytes: number;
  readonly data?: Uint8Array<ArrayBuffer>;
}

/** What a value says: text, a number, a list; `undefined` for other types and broken data. */
export type RegistryData = string | number | readonly string[] | undefined;

/** The name of a value's type, such as `REG_SZ`. */
export const typeName = ({ type }: StoredValue): string => TYPE_NAMES.get(type) ?? `type ${type}`;

/** What a value says. Text is not expanded; the NULs that end it are not part of it. */
export function dataOf(value: StoredValue): RegistryData {
  const { data } = value;
  if (data === undefined) return undefined;
  switch (typeName(value)) {
    case "REG_SZ":
    case "REG_EXPAND_SZ":
      return textOf(data)?.replace(/\0+$/, "");
    case "REG_MULTI_SZ":
      return textOf(data)?.replace(/\0+$/, "").split("\0").filter((text) => text !== "");
    case "REG_DWORD":
      return data.byteLength === 4
        ? new DataView(data.buffer).getUint32(data.byteOffset, true)
        : undefined;
    default:
      return undefined;
  }
}

/** UTF-16, even with unpaired surrogates; `undefined` for half a character. */
function textOf(data: Uint8Array<ArrayBuffer>): string | undefined {
  if (data.byteLength % 2 !== 0) return undefined;
  const units = new Uint16Array(data.slice().buffer);
  return Array.from(units, (unit) => String.fromCharCode(unit)).join("");
}
