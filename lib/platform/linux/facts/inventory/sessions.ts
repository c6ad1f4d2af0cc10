/**
 * Who is logged in: the records of utmp(5) or, in a guest without them, as Debian 13, the files of
 * systemd-logind(8).
 *
 * @module
 */

import type { Session } from "../../../../guest/inventory.ts";

/** Where both are. */
export const SESSION_PLACES = { utmp: "/run/utmp", logind: "/run/systemd/sessions" } as const;

const RECORD_BYTES = 384;
const USER_PROCESS = 7;
const USER = { offset: 44, bytes: 32 } as const;
const SECONDS_OFFSET = 340;
const MICROSECONDS_OFFSET = 344;
const MICROSECONDS = 1_000_000;

/** The sessions of this guest; none if it keeps no record of them. */
export async function readSessions(
  signal: AbortSignal,
  { utmp, logind }: Readonly<Record<keyof typeof SESSION_PLACES, string>> = SESSION_PLACES,
): Promise<Session[]> {
  const records = await ifReadable(Deno.readFile(utmp, { signal }));
  return records === undefined ? await logindSessions(logind, signal) : parseUtmp(records);
}

/** The sessions in records of utmp; one that is cut off is left out. */
function parseUtmp(bytes: Uint8Array): Session[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sessions: Session[] = [];
  for (let start = 0; start + RECORD_BYTES <= bytes.byteLength; start += RECORD_BYTES) {
    if (view.getInt16(start, true) !== USER_PROCESS) continue;
    const from = start + USER.offset;
    const [user = ""] = new TextDecoder().decode(bytes.subarray(from, from + USER.bytes))
      .split("\0", 1);
    const seconds = view.getInt32(start + SECONDS_OFFSET, true);
    const microseconds = view.getInt32(start + MICROSECONDS_OFFSET, true);
    sessions.push({ user, loginTime: seconds + microseconds / MICROSECONDS });
  }
  return sessions;
}

async function logindSessions(directory: string, signal: AbortSignal): Promise<Session[]> {
  const sessions: Session[] = [];
  const names = await ifReadable(Array.fromAsync(Deno.readDir(directory))) ?? [];
  for (const { name, isFile } of names) {
    // Beside each file there is a FIFO, whose name ends in `.ref`.
    if (!isFile || !/^\w+$/.test(name)) continue;
    const text = await ifReadable(Deno.readTextFile(`${directory}/${name}`, { signal }));
    const session = text === undefined ? undefined : parseLogindSession(text);
    if (session !== undefined) sessions.push(session);
  }
  return sessions;
}

/** A session of a user; `undefined` for that of a login screen or a service, and one that ends. */
function parseLogindSession(text: string): Session | undefined {
  const fields = new Map(
    [...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  const user = fields.get("USER");
  const loginTime = Number(fields.get("REALTIME")) / MICROSECONDS;
  const isOfUser = fields.get("CLASS")?.startsWith("user") === true;
  if (!isOfUser || fields.get("STATE") === "closing" || !user || !(loginTime > 0)) return undefined;
  return { user, loginTime };
}

async function ifReadable<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    const { NotFound, PermissionDenied } = Deno.errors;
    if (error instanceof NotFound || error instanceof PermissionDenied) return undefined;
    throw error;
  }
}
