/**
 * Functions of wtsapi32.dll, each under its documented name.
 *
 * @module
 */

/** The functions. A server of `null` is this machine; `i32` results are BOOL. */
export const wtsapi32 = Deno.dlopen("wtsapi32.dll", {
  WTSEnumerateSessionsW: {
    parameters: ["pointer", "u32", "u32", "buffer", "buffer"],
    result: "i32",
  },
  WTSFreeMemory: { parameters: ["pointer"], result: "void" },
  WTSQuerySessionInformationW: {
    parameters: ["pointer", "u32", "i32", "buffer", "buffer"],
    result: "i32",
  },
}).symbols;
