/**
 * Functions of advapi32.dll, each under its documented name.
 *
 * @module
 */

import { HKEY } from "./handle.ts";

/** The functions. `i32` results are BOOL; those of `Reg…` are error codes, 0 for success. */
export const advapi32 = Deno.dlopen("advapi32.dll", {
  ConvertStringSecurityDescriptorToSecurityDescriptorW: {
    parameters: ["buffer", "u32", "buffer", "buffer"],
    result: "i32",
  },
  RegCloseKey: { parameters: [HKEY], result: "i32" },
  RegEnumValueW: {
    parameters: [HKEY, "u32", "buffer", "buffer", "pointer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  RegOpenKeyExW: { parameters: [HKEY, "buffer", "u32", "u32", "buffer"], result: "i32" },
  RegQueryValueExW: {
    parameters: [HKEY, "buffer", "pointer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  LookupAccountNameW: {
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
}).symbols;
