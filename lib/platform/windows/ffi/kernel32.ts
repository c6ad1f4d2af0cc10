/**
 * Functions of kernel32.dll, each under its documented name.
 *
 * `nonblocking` is only for waiting: a request dies with the thread that made it, and Deno's threads
 * for such calls come and go. `GetLastError` is right only after a call that is not `nonblocking`.
 *
 * @module
 */

import { HANDLE } from "./handle.ts";

/** The functions. `u32` flags and sizes are DWORD, `i32` results are BOOL unless said otherwise. */
export const kernel32 = Deno.dlopen("kernel32.dll", {
  AssignProcessToJobObject: { parameters: [HANDLE, HANDLE], result: "i32" },
  CancelIoEx: { parameters: [HANDLE, "pointer"], result: "i32" },
  CloseHandle: { parameters: [HANDLE], result: "i32" },
  ConnectNamedPipe: { parameters: [HANDLE, "buffer"], result: "i32" },
  CreateDirectoryW: { parameters: ["buffer", "buffer"], result: "i32" },
  CreateEventW: { parameters: ["pointer", "i32", "i32", "pointer"], result: HANDLE },
  CreateFileW: {
    parameters: ["buffer", "u32", "u32", "buffer", "u32", "u32", HANDLE],
    result: HANDLE,
  },
  CreateJobObjectW: { parameters: ["pointer", "pointer"], result: HANDLE },
  CreateNamedPipeW: {
    parameters: ["buffer", "u32", "u32", "u32", "u32", "u32", "u32", "buffer"],
    result: HANDLE,
  },
  DeviceIoControl: {
    parameters: [HANDLE, "u32", "buffer", "u32", "buffer", "u32", "buffer", "buffer"],
    result: "i32",
  },
  DisconnectNamedPipe: { parameters: [HANDLE], result: "i32" },
  ExpandEnvironmentStringsW: { parameters: ["buffer", "buffer", "u32"], result: "u32" },
  FlushFileBuffers: { parameters: [HANDLE], result: "i32" },
  FormatMessageW: {
    parameters: ["u32", "pointer", "u32", "u32", "buffer", "u32", "pointer"],
    result: "u32",
  },
  GetActiveProcessorCount: { parameters: ["u16"], result: "u32" },
  GetBinaryTypeW: { parameters: ["buffer", "buffer"], result: "i32" },
  GetCurrentProcess: { parameters: [], result: HANDLE },
  GetDiskFreeSpaceExW: { parameters: ["buffer", "buffer", "buffer", "buffer"], result: "i32" },
  GetDriveTypeW: { parameters: ["buffer"], result: "u32" },
  GetEnvironmentVariableW: { parameters: ["buffer", "buffer", "u32"], result: "u32" },
  GetFileAttributesW: { parameters: ["buffer"], result: "u32" },
  GetFileInformationByHandle: { parameters: [HANDLE, "buffer"], result: "i32" },
  GetFinalPathNameByHandleW: { parameters: [HANDLE, "buffer", "u32", "u32"], result: "u32" },
  GetFullPathNameW: { parameters: ["buffer", "u32", "buffer", "pointer"], result: "u32" },
  GetLastError: { parameters: [], result: "u32" },
  GetLogicalDrives: { parameters: [], result: "u32" },
  GetTimeZoneInformation: { parameters: ["buffer"], result: "u32" },
  GetVolumeNameForVolumeMountPointW: { parameters: ["buffer", "buffer", "u32"], result: "i32" },
  GetVolumeInformationW: {
    parameters: ["buffer", "buffer", "u32", "buffer", "buffer", "buffer", "buffer", "u32"],
    result: "i32",
  },
  LocalFree: { parameters: ["pointer"], result: "pointer" },
  MoveFileExW: { parameters: ["buffer", "buffer", "u32"], result: "i32" },
  OpenProcess: { parameters: ["u32", "i32", "u32"], result: HANDLE },
  SetCommTimeouts: { parameters: [HANDLE, "buffer"], result: "i32" },
  SetErrorMode: { parameters: ["u32"], result: "u32" },
  SetInformationJobObject: { parameters: [HANDLE, "i32", "buffer", "u32"], result: "i32" },
  SetNamedPipeHandleState: { parameters: [HANDLE, "buffer", "buffer", "buffer"], result: "i32" },
  TerminateJobObject: { parameters: [HANDLE, "u32"], result: "i32" },
  WaitForSingleObject: { parameters: [HANDLE, "u32"], result: "u32", nonblocking: true },
}).symbols;
