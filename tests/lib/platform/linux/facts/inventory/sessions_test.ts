import { assertEquals } from "@std/assert";
import { readSessions } from "../../../../../../lib/platform/linux/facts/inventory/sessions.ts";
import { NEVER, TempDirectory } from "../../../../_helpers.ts";

/** A record of utmp(5). */
function record(type: number, user: string, seconds: number, microseconds: number): Uint8Array {
  const bytes = new Uint8Array(384);
  const view = new DataView(bytes.buffer);
  view.setInt16(0, type, true);
  bytes.set(new TextEncoder().encode(user), 44);
  view.setInt32(340, seconds, true);
  view.setInt32(344, microseconds, true);
  return bytes;
}

const USER = "# This is private data. Do not parse.\nUID=1000\nUSER=alice\nSTATE=active\n" +
  "REMOTE=1\nTYPE=tty\nCLASS=user\nREALTIME=1700000000250000\n";

/** What is read where utmp has the given bytes, or is missing, and logind the given files. */
async function sessionsOf(
  utmp: Uint8Array | undefined,
  files: Readonly<Record<string, string>> = {},
) {
  await using directory = await TempDirectory.make();
  const logind = await directory.directory("sessions");
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${logind}/${name}`, text);
  }
  const path = directory.at("utmp");
  if (utmp !== undefined) await Deno.writeFile(path, utmp);
  return await readSessions(NEVER, { utmp: path, logind });
}

Deno.test("users who are logged in are listed, and no other record", async () => {
  const records = [
    record(7, "root", 1_700_000_000, 250_000),
    record(8, "gone", 1, 0),
    record(7, "u".repeat(32), 2, 0),
  ];
  assertEquals(await sessionsOf(Uint8Array.from(records.flatMap((one) => [...one]))), [
    { user: "root", loginTime: 1_700_000_000.25 },
    { user: "u".repeat(32), loginTime: 2 },
  ]);
});

Deno.test("no record and half a record are nobody", async () => {
  assertEquals(await sessionsOf(new Uint8Array(), { 1: USER }), []);
  assertEquals(await sessionsOf(record(7, "root", 1, 0).subarray(0, 300)), []);
});

Deno.test("without utmp, the sessions of users are those of logind", async () => {
  const files = {
    "5": USER,
    "c1": USER.replace("=alice", "=gdm").replace("=user", "=greeter"),
    "6": USER.replace("=alice", "=bob").replace("=active", "=closing"),
    "7": USER.replace(/^REALTIME=.*$/m, ""),
    "8": "",
    ".#9XyZ": USER,
    "5.ref": USER,
  };
  assertEquals(await sessionsOf(undefined, files), [
    { user: "alice", loginTime: 1_700_000_000.25 },
  ]);
});

Deno.test("a guest without utmp and logind lists nobody", async () => {
  assertEquals(await readSessions(NEVER, { utmp: "/nowhere/utmp", logind: "/nowhere" }), []);
});
