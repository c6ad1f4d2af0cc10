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

/** The functions; each returns an NTSTATUS. */
export const ntdll = Deno.dlopen("ntdll.dll", { NtReadFile: IO, NtWriteFile: IO }).symbols;

/** Values of NTSTATUS that the agent tells apart (ntstatus.h). */
export const STATUS = {
  SUCCESS: 0,
  PENDING: 0x103,
  BUFFER_OVERFLOW: 0x8000_0005,
  END_OF_FILE: 0xc000_0011,
  INSUFFICIENT_RESOURCES: 0xc000_009a,
  PIPE_DISCONNECTED: 0xc000_00b0,
  PIPE_CLOSING: 0xc000_00b1,
  DEVICE_NOT_READY: 0xc000_00a3,
  CANT_WAIT: 0xc000_00d8,
  CANCELLED: 0xc000_0120,
  PIPE_BROKEN: 0xc000_014b,
  INVALID_DEVICE_STATE: 0xc000_0184,
  DEVICE_REMOVED: 0xc000_02b6,
} as const;
