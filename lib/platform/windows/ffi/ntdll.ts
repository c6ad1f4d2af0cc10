/**
 * Functions of ntdll.dll, each under its documented name. They return an NTSTATUS instead of leaving
 * an error behind, so their result is right whatever other threads do.
 *
 * @module
 */

import { HANDLE } from "./handle.ts";

const IO = {
  parameters: [
    HANDLE,
    HANDLE,
    "pointer",
    "pointer",
    "buffer",
    "buffer",
    "u32",
    "buffer",
    "pointer",
  ],
  result: "u32",
} as const;

/** The functions; each returns an NTSTATUS, but for `RtlNtStatusToDosError`. */
export const ntdll = Deno.dlopen("ntdll.dll", {
  NtCreateFile: {
    parameters: [
      "buffer",
      "u32",
      "buffer",
      "buffer",
      "pointer",
      "u32",
      "u32",
      "u32",
      "u32",
      "pointer",
      "u32",
    ],
    result: "u32",
  },
  NtQueryDirectoryFile: {
    parameters: [
      HANDLE,
      HANDLE,
      "pointer",
      "pointer",
      "buffer",
      "buffer",
      "u32",
      "u32",
      "u8",
      "buffer",
      "u8",
    ],
    result: "u32",
  },
  NtQueryInformationFile: {
    parameters: [HANDLE, "buffer", "buffer", "u32", "u32"],
    result: "u32",
  },
  NtQuerySecurityObject: { parameters: [HANDLE, "u32", "buffer", "u32", "buffer"], result: "u32" },
  NtReadFile: IO,
  NtSetInformationFile: { parameters: [HANDLE, "buffer", "buffer", "u32", "u32"], result: "u32" },
  NtSetSecurityObject: { parameters: [HANDLE, "u32", "buffer"], result: "u32" },
  NtWriteFile: IO,
  RtlNtStatusToDosError: { parameters: ["u32"], result: "u32" },
}).symbols;

/** Values of NTSTATUS that the agent tells apart (ntstatus.h). */
export const STATUS = {
  SUCCESS: 0,
  TIMEOUT: 0x102,
  PENDING: 0x103,
  BUFFER_OVERFLOW: 0x8000_0005,
  NO_MORE_FILES: 0x8000_0006,
  NOT_IMPLEMENTED: 0xc000_0002,
  INVALID_INFO_CLASS: 0xc000_0003,
  INVALID_PARAMETER: 0xc000_000d,
  NO_SUCH_FILE: 0xc000_000f,
  END_OF_FILE: 0xc000_0011,
  ACCESS_DENIED: 0xc000_0022,
  OBJECT_NAME_NOT_FOUND: 0xc000_0034,
  OBJECT_NAME_COLLISION: 0xc000_0035,
  OBJECT_PATH_NOT_FOUND: 0xc000_003a,
  SHARING_VIOLATION: 0xc000_0043,
  INSUFFICIENT_RESOURCES: 0xc000_009a,
  PIPE_DISCONNECTED: 0xc000_00b0,
  PIPE_CLOSING: 0xc000_00b1,
  DEVICE_NOT_READY: 0xc000_00a3,
  FILE_IS_A_DIRECTORY: 0xc000_00ba,
  NOT_SUPPORTED: 0xc000_00bb,
  NOT_SAME_DEVICE: 0xc000_00d4,
  CANT_WAIT: 0xc000_00d8,
  DIRECTORY_NOT_EMPTY: 0xc000_0101,
  NOT_A_DIRECTORY: 0xc000_0103,
  CANCELLED: 0xc000_0120,
  PIPE_BROKEN: 0xc000_014b,
  INVALID_DEVICE_STATE: 0xc000_0184,
  DEVICE_REMOVED: 0xc000_02b6,
} as const;
