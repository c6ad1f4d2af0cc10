/**
 * Functions of Windows that only the self-check calls, each under its documented name.
 *
 * @module
 */

import { HANDLE, SC_HANDLE } from "../../../lib/platform/windows/ffi/handle.ts";

/** A handle of `OpenEventLogW`. Closed with `CloseEventLog`. */
type EventLogHandle = Deno.PointerObject<"EVENT_LOG">;

// The assertion is Deno's way to give a pointer a type; it changes nothing at run time.
const EVENT_LOG = "pointer" as Deno.NativeTypedPointer<EventLogHandle>;

/** Functions of advapi32.dll; `i32` results are BOOL. */
export const advapi32 = Deno.dlopen("advapi32.dll", {
  CloseEventLog: { parameters: [EVENT_LOG], result: "i32" },
  ConvertSecurityDescriptorToStringSecurityDescriptorW: {
    parameters: ["buffer", "u32", "u32", "buffer", "buffer"],
    result: "i32",
  },
  LookupPrivilegeNameW: {
    parameters: ["pointer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  OpenEventLogW: { parameters: ["pointer", "buffer"], result: EVENT_LOG },
  QueryServiceConfig2W: {
    parameters: [SC_HANDLE, "u32", "buffer", "u32", "buffer"],
    result: "i32",
  },
  ReadEventLogW: {
    parameters: [EVENT_LOG, "u32", "u32", "buffer", "u32", "buffer", "buffer"],
    result: "i32",
  },
}).symbols;

/** Functions of kernel32.dll; `i32` results are BOOL. */
export const kernel32 = Deno.dlopen("kernel32.dll", {
  GetProcessTimes: {
    parameters: [HANDLE, "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  K32GetProcessMemoryInfo: { parameters: [HANDLE, "buffer", "u32"], result: "i32" },
}).symbols;
