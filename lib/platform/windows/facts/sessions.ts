/**
 * Who is logged in to a Windows guest, at its console or by remote desktop.
 *
 * Source: WTSEnumerateSessionsW, WTSQuerySessionInformationW, WTS_SESSION_INFOW and WTSINFOW, Microsoft
 * Learn; the offsets are those of 64-bit Windows.
 *
 * @module
 */

import type { Session } from "../../../guest/inventory.ts";
import { fromWide } from "../ffi/wide.ts";
import { lastError } from "../ffi/windows_error.ts";
import { wtsapi32 } from "../ffi/wtsapi32.ts";

const SESSION_BYTES = 24;
const WTS_SESSION_INFO = 24;
/** Where WTSINFOW has what is read of it, and its size. */
const INFO = { domain: 96, user: 130, login: 200, bytes: 216 } as const;
/** Of both names, with their NUL. */
const UNITS = { domain: 17, user: 21 } as const;
/** Between 1601, when Windows begins to count, and 1970, in its 100 ns. */
const EPOCH = 116_444_736_000_000_000n;
const PER_SECOND = 10_000_000;

/** The sessions of users; those that belong to nobody, such as that of services, are left out. */
export function sessions(): readonly Session[] {
  const [list, count] = [new BigUint64Array(1), new Uint32Array(1)];
  if (wtsapi32.WTSEnumerateSessionsW(null, 0, 1, list, count) === 0) {
    throw lastError("WTSEnumerateSessionsW");
  }
  const memory = Deno.UnsafePointer.create(list[0] ?? 0n);
  if (memory === null) return [];
  try {
    const view = new Deno.UnsafePointerView(memory);
    return Array.from(
      { length: count[0] ?? 0 },
      (_, index) => sessionOf(view.getUint32(index * SESSION_BYTES)),
    )
      .filter((session) => session !== undefined);
  } finally {
    wtsapi32.WTSFreeMemory(memory);
  }
}

/** A session by its number; `undefined` if it has no user, or has ended meanwhile. */
function sessionOf(number: number): Session | undefined {
  const [out, size] = [new BigUint64Array(1), new Uint32Array(1)];
  if (wtsapi32.WTSQuerySessionInformationW(null, number, WTS_SESSION_INFO, out, size) === 0) {
    return undefined;
  }
  const memory = Deno.UnsafePointer.create(out[0] ?? 0n);
  if (memory === null) return undefined;
  try {
    if ((size[0] ?? 0) < INFO.bytes) return undefined;
    return sessionIn(Deno.UnsafePointerView.getArrayBuffer(memory, INFO.bytes).slice(0));
  } finally {
    wtsapi32.WTSFreeMemory(memory);
  }
}

/** The session that a WTSINFOW describes; `undefined` if it has no user. */
export function sessionIn(info: ArrayBuffer): Session | undefined {
  const textAt = (offset: number, units: number) =>
    fromWide(new Uint16Array(info, offset, units)).toWellFormed();
  const user = textAt(INFO.user, UNITS.user);
  if (user === "") return undefined;
  const since1970 = new DataView(info).getBigInt64(INFO.login, true) - EPOCH;
  const domain = textAt(INFO.domain, UNITS.domain);
  return {
    user,
    ...(domain === "" ? {} : { domain }),
    loginTime: Number(since1970) / PER_SECOND,
  };
}
