/**
 * Functions of bcrypt.dll, each under its documented name. They return an NTSTATUS.
 *
 * @module
 */

/** A `BCRYPT_ALG_HANDLE`. Closed with `BCryptCloseAlgorithmProvider`. */
export type AlgorithmHandle = Deno.PointerObject<"BCRYPT_ALG_HANDLE">;
/** A `BCRYPT_HASH_HANDLE`. Closed with `BCryptDestroyHash`. */
export type HashHandle = Deno.PointerObject<"BCRYPT_HASH_HANDLE">;

// The assertions are Deno's way to give a pointer a type; they change nothing at run time.
const ALGORITHM = "pointer" as Deno.NativeTypedPointer<AlgorithmHandle>;
const HASH = "pointer" as Deno.NativeTypedPointer<HashHandle>;

/** The functions; each returns an NTSTATUS. */
export const bcrypt = Deno.dlopen("bcrypt.dll", {
  BCryptCreateHash: {
    parameters: [ALGORITHM, "buffer", "pointer", "u32", "pointer", "u32", "u32"],
    result: "u32",
  },
  BCryptDestroyHash: { parameters: [HASH], result: "u32" },
  BCryptFinishHash: { parameters: [HASH, "buffer", "u32", "u32"], result: "u32" },
  BCryptHashData: { parameters: [HASH, "buffer", "u32", "u32"], result: "u32" },
  BCryptOpenAlgorithmProvider: {
    parameters: ["buffer", "buffer", "pointer", "u32"],
    result: "u32",
  },
}).symbols;
