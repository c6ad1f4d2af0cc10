/**
 * Where Windows keeps things.
 *
 * @module
 */

import { kernel32 } from "./ffi/kernel32.ts";
import { fromWide, wide } from "./ffi/wide.ts";
import { lastError } from "./ffi/windows_error.ts";
import { readKey } from "./registry/read_key.ts";
import { dataOf } from "./registry/values.ts";

/** Has the folder of all users; a variable of the process could be another one's word. */
const PROFILES = String.raw`Software\Microsoft\Windows NT\CurrentVersion\ProfileList`;
const MAX_VALUE_BYTES = 4096;
/** The longest path of Windows, with its NUL. */
const MAX_UNITS = 32_768;

/** Folders of the system, without a backslash at the end. */
export interface WindowsFolders {
  /** `%ProgramData%`. */
  readonly programData: string;
  /** `%SystemRoot%`. */
  readonly systemRoot: string;
}

/**
 * The folders of this system. Read by a call of the system, since Deno would want permission for the
 * environment.
 *
 * @throws {WindowsError}
 */
export function windowsFolders(): WindowsFolders {
  return { programData: expand(programData()), systemRoot: expand("%SystemRoot%") };
}

function programData(): string {
  const value = readKey(PROFILES, MAX_VALUE_BYTES)?.find(({ name }) => name === "ProgramData");
  const data = value === undefined ? undefined : dataOf(value);
  return typeof data === "string" ? data : "%ProgramData%";
}

function expand(text: string): string {
  const expanded = new Uint16Array(MAX_UNITS);
  const length = kernel32.ExpandEnvironmentStringsW(wide(text), expanded, expanded.length);
  if (length === 0) throw lastError("ExpandEnvironmentStringsW");
  return fromWide(expanded);
}
