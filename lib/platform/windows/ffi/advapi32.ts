/**
 * Functions of advapi32.dll, each under its documented name.
 *
 * @module
 */

/** The functions. `i32` results are BOOL. */
export const advapi32 = Deno.dlopen("advapi32.dll", {
  ConvertStringSecurityDescriptorToSecurityDescriptorW: {
    parameters: ["buffer", "u32", "buffer", "buffer"],
    result: "i32",
  },
}).symbols;
