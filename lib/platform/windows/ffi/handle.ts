/**
 * Handles of the system. A handle is a pointer object with the name of its kind, so the type checker
 * keeps it from being taken for a number or for a handle of another kind.
 *
 * @module
 */

/** A `HANDLE`: file, pipe, event, job, process, token. Closed with `CloseHandle`. */
export type Handle = Deno.PointerObject<"HANDLE">;
/** An `HKEY`. Closed with `RegCloseKey`. */
export type RegistryKey = Deno.PointerObject<"HKEY">;
/** An `SC_HANDLE`: the service manager or a service. Closed with `CloseServiceHandle`. */
export type ServiceHandle = Deno.PointerObject<"SC_HANDLE">;

// The assertions are Deno's way to give a pointer a type; they change nothing at run time.
/** The type of a `HANDLE` in a declaration. */
export const HANDLE = "pointer" as Deno.NativeTypedPointer<Handle>;
/** The type of an `HKEY` in a declaration. */
export const HKEY = "pointer" as Deno.NativeTypedPointer<RegistryKey>;
/** The type of an `SC_HANDLE` in a declaration. */
export const SC_HANDLE = "pointer" as Deno.NativeTypedPointer<ServiceHandle>;

/** `INVALID_HANDLE_VALUE`, -1: what `CreateFileW` and `CreateNamedPipeW` return on failure. */
const INVALID_HANDLE_VALUE = 0xffff_ffff_ffff_ffffn;

/** Whether a call returned a handle: neither NULL nor `INVALID_HANDLE_VALUE`. */
export function isHandle(handle: Handle | null): handle is Handle {
  return handle !== null && Deno.UnsafePointer.value(handle) !== INVALID_HANDLE_VALUE;
}

/** The handle that a call wrote into `out`, an array of one element. */
export function handleAt<T>(out: BigUint64Array): Deno.PointerValue<T> {
  return Deno.UnsafePointer.create<T>(out[0] ?? 0n);
}
