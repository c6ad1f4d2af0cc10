/**
 * Who is logged in, from the records of utmp(5).
 *
 * @module
 */

import type { Session } from "../../../../guest/inventory.ts";

const RECORD_BYTES = 384;
const USER_PROCESS = 7;
const USER = { offset: 44, bytes: 32 } as const;
const SECONDS_OFFSET = 340;
const MICROSECONDS_OFFSET = 344;

/** The sessions in the text of `od -An -v -tx1`: whole records; what is cut off is left out. */
export function parseSessions(hexText: string): Session[] {
  const hex = hexText.replaceAll(/\s+/g, "");
  const bytes = Uint8Array.fromHex(hex.slice(0, hex.length - hex.length % (2 * RECORD_BYTES)));
  const view = new DataView(bytes.buffer);
  const sessions: Session[] = [];
  for (let start = 0; start < bytes.byteLength; start += RECORD_BYTES) {
    if (view.getInt16(start, true) !== USER_PROCESS) continue;
    const from = start + USER.offset;
    const [user = ""] = new TextDecoder().decode(bytes.subarray(from, from + USER.bytes))
      .split("\0", 1);
    const seconds = view.getInt32(start + SECONDS_OFFSET, true);
    const microseconds = view.getInt32(start + MICROSECONDS_OFFSET, true);
    sessions.push({ user, loginTime: seconds + microseconds / 1_000_000 });
  }
  return sessions;
}
