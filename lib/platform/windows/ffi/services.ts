/**
 * Functions of advapi32.dll for services, the event log and security, each under its documented name.
 * Apart from the others, since only a service and its installation use them.
 *
 * @module
 */

import { HANDLE, HKEY, SC_HANDLE } from "./handle.ts";

/** A `SERVICE_STATUS_HANDLE`. Never closed. */
export type StatusHandle = Deno.PointerObject<"SERVICE_STATUS_HANDLE">;
/** A handle of `RegisterEventSourceW`. Closed with `DeregisterEventSource`. */
export type EventSourceHandle = Deno.PointerObject<"EVENT_SOURCE">;

// The assertions are Deno's way to give a pointer a type; they change nothing at run time.
const STATUS_HANDLE = "pointer" as Deno.NativeTypedPointer<StatusHandle>;
const EVENT_SOURCE = "pointer" as Deno.NativeTypedPointer<EventSourceHandle>;

/** The functions. `i32` results are BOOL; those of `Reg…` are error codes, 0 for success. */
export const services = Deno.dlopen("advapi32.dll", {
  ChangeServiceConfig2W: { parameters: [SC_HANDLE, "u32", "buffer"], result: "i32" },
  ChangeServiceConfigW: {
    parameters: [
      SC_HANDLE,
      "u32",
      "u32",
      "u32",
      "buffer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "buffer",
    ],
    result: "i32",
  },
  CloseServiceHandle: { parameters: [SC_HANDLE], result: "i32" },
  ControlService: { parameters: [SC_HANDLE, "u32", "buffer"], result: "i32" },
  CreateServiceW: {
    parameters: [
      SC_HANDLE,
      "buffer",
      "buffer",
      "u32",
      "u32",
      "u32",
      "u32",
      "buffer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
    ],
    result: SC_HANDLE,
  },
  DeleteService: { parameters: [SC_HANDLE], result: "i32" },
  DeregisterEventSource: { parameters: [EVENT_SOURCE], result: "i32" },
  GetFileSecurityW: {
    parameters: ["buffer", "u32", "buffer", "u32", "buffer"],
    result: "i32",
  },
  GetTokenInformation: {
    parameters: [HANDLE, "u32", "buffer", "u32", "buffer"],
    result: "i32",
  },
  OpenProcessToken: { parameters: [HANDLE, "u32", "buffer"], result: "i32" },
  OpenSCManagerW: { parameters: ["pointer", "pointer", "u32"], result: SC_HANDLE },
  OpenServiceW: { parameters: [SC_HANDLE, "buffer", "u32"], result: SC_HANDLE },
  QueryServiceStatusEx: {
    parameters: [SC_HANDLE, "u32", "buffer", "u32", "buffer"],
    result: "i32",
  },
  RegCreateKeyExW: {
    parameters: [HKEY, "buffer", "u32", "pointer", "u32", "u32", "pointer", "buffer", "pointer"],
    result: "i32",
  },
  RegDeleteKeyExW: { parameters: [HKEY, "buffer", "u32", "u32"], result: "i32" },
  RegDeleteKeyValueW: { parameters: [HKEY, "buffer", "buffer"], result: "i32" },
  RegSetValueExW: {
    parameters: [HKEY, "buffer", "u32", "u32", "buffer", "u32"],
    result: "i32",
  },
  RegisterEventSourceW: { parameters: ["pointer", "buffer"], result: EVENT_SOURCE },
  RegisterServiceCtrlHandlerExW: {
    parameters: ["buffer", "function", "pointer"],
    result: STATUS_HANDLE,
  },
  ReportEventW: {
    parameters: [
      EVENT_SOURCE,
      "u16",
      "u16",
      "u32",
      "pointer",
      "u16",
      "u32",
      "buffer",
      "pointer",
    ],
    result: "i32",
  },
  SetFileSecurityW: { parameters: ["buffer", "u32", "pointer"], result: "i32" },
  SetServiceStatus: { parameters: [STATUS_HANDLE, "buffer"], result: "i32" },
  StartServiceCtrlDispatcherW: { parameters: ["buffer"], result: "i32", nonblocking: true },
  StartServiceW: { parameters: [SC_HANDLE, "u32", "pointer"], result: "i32" },
}).symbols;
