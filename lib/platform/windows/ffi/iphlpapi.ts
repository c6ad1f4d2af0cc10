/**
 * Functions of iphlpapi.dll, each under its documented name.
 *
 * @module
 */

/** The functions. They return an error code, 0 for success. */
export const iphlpapi = Deno.dlopen("iphlpapi.dll", {
  GetAdaptersAddresses: {
    parameters: ["u32", "u32", "pointer", "buffer", "buffer"],
    result: "u32",
  },
}).symbols;
