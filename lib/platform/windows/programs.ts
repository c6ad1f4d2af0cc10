/**
 * Where Windows keeps its programs, and what their environment is.
 *
 * @module
 */

import { kernel32 } from "./ffi/kernel32.ts";
import { fromWide, wide } from "./ffi/wide.ts";
import { lastError } from "./ffi/windows_error.ts";

const INVALID_FILE_ATTRIBUTES = 0xffff_ffff;
const FILE_ATTRIBUTE_DIRECTORY = 0x10;
/** The longest value of an environment variable, in characters. */
const MAX_VALUE = 32_767;

/** What a path names; `undefined` if there is nothing, or nothing that the agent may see. */
export function kindOf(path: string): "file" | "directory" | undefined {
  const attributes = kernel32.GetFileAttributesW(wide(path));
  if (attributes === INVALID_FILE_ATTRIBUTES) return undefined;
  return (attributes & FILE_ATTRIBUTE_DIRECTORY) === 0 ? "file" : "directory";
}

/** The value of one of the agent's own variables; `undefined` if it is not set. */
export function variable(name: string): string | undefined {
  const value = new Uint16Array(MAX_VALUE);
  const length = kernel32.GetEnvironmentVariableW(wide(name), value, value.length);
  return length === 0 ? undefined : fromWide(value.subarray(0, length));
}

/** The absolute form of a path, by the working directory. */
export function fullPath(path: string): string {
  const full = new Uint16Array(MAX_VALUE);
  const length = kernel32.GetFullPathNameW(wide(path), full.length, full, null);
  if (length === 0) throw lastError("GetFullPathNameW");
  return fromWide(full.subarray(0, length));
}

/** Such as `C:\Windows`. */
export const SYSTEM_ROOT = variable("SystemRoot") ?? "C:\\Windows";
/** The directory of the system's own programs. */
export const SYSTEM_DIRECTORY = `${SYSTEM_ROOT}\\System32`;
/** What shuts the system down. */
export const SHUTDOWN_PROGRAM = `${SYSTEM_DIRECTORY}\\shutdown.exe`;

const DRIVE_ABSOLUTE = /^[A-Za-z]:\\/;
const DENOS_OWN = /\\node_compat_bin$/;

/** The directories in which a bare name is looked up: the system's own, and then those of PATH. */
export const PROGRAM_DIRECTORIES: readonly string[] = [
  ...new Set([
    SYSTEM_DIRECTORY,
    SYSTEM_ROOT,
    ...(variable("PATH") ?? "").split(";")
      // A relative entry would depend on the working directory, and Deno adds one of its own.
      .filter((directory) => DRIVE_ABSOLUTE.test(directory) && !DENOS_OWN.test(directory))
      .map((directory) => directory.replace(/(?<=[^:])\\+$/, "")),
  ]),
];

/** The variables of the system that programs rely on. */
const INHERITED = [
  "ALLUSERSPROFILE",
  "CommonProgramFiles",
  "CommonProgramFiles(x86)",
  "COMPUTERNAME",
  "NUMBER_OF_PROCESSORS",
  "OS",
  "PROCESSOR_ARCHITECTURE",
  "ProgramData",
  "ProgramFiles",
  "ProgramFiles(x86)",
  "PUBLIC",
  "SystemDrive",
  "TEMP",
  "TMP",
  "USERNAME",
  "USERPROFILE",
] as const;

/** The variables that every command gets unless the request sets them. */
export function baseEnvironment(): Readonly<Record<string, string>> {
  const inherited = INHERITED.flatMap((name): [string, string][] => {
    const value = variable(name);
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(inherited),
    ComSpec: `${SYSTEM_DIRECTORY}\\cmd.exe`,
    PATH: PROGRAM_DIRECTORIES.join(";"),
    PATHEXT: ".COM;.EXE",
    SystemRoot: SYSTEM_ROOT,
    windir: SYSTEM_ROOT,
  };
}
