/**
 * Security identifiers of accounts.
 *
 * @module
 */

import { advapi32 } from "./ffi/advapi32.ts";
import { wide } from "./ffi/wide.ts";
import { lastError } from "./ffi/windows_error.ts";

const SID_REGEXP = /^S-1-\d+(?:-\d+)+$/;
/** SECURITY_MAX_SID_SIZE. */
const MAX_SID_BYTES = 68;
const MAX_DOMAIN_UNITS = 256;
/** Where a SID has its number of parts, its authority and its parts (winnt.h). */
const COUNT_OFFSET = 1;
const AUTHORITY_OFFSET = 2;
const AUTHORITY_BYTES = 6;
const PARTS_OFFSET = 8;
const PART_BYTES = 4;

/** A SID as text, such as `S-1-5-32-544`, from its bytes. */
export function sidText(sid: Uint8Array<ArrayBuffer>): string {
  const view = new DataView(sid.buffer, sid.byteOffset, sid.byteLength);
  const authority = sid.subarray(AUTHORITY_OFFSET, AUTHORITY_OFFSET + AUTHORITY_BYTES)
    .reduce((sum, byte) => sum * 256 + byte, 0);
  const parts = Array.from(
    { length: view.getUint8(COUNT_OFFSET) },
    (_, index) => view.getUint32(PARTS_OFFSET + index * PART_BYTES, true),
  );
  return ["S", view.getUint8(0), authority, ...parts].join("-");
}

/**
 * The SID of an account as text.
 *
 * @param name A user's or group's name, with its domain if need be, or a SID as text.
 * @throws {WindowsError} if there is no such account.
 */
export function accountSid(name: string): string {
  if (SID_REGEXP.test(name)) return name;
  const sid = new Uint8Array(MAX_SID_BYTES);
  const domain = new Uint16Array(MAX_DOMAIN_UNITS);
  const isFound = advapi32.LookupAccountNameW(
    null,
    wide(name),
    sid,
    new Uint32Array([sid.byteLength]),
    domain,
    new Uint32Array([domain.length]),
    new Uint32Array(1),
  );
  if (isFound === 0) throw lastError("LookupAccountNameW");
  return sidText(sid);
}
