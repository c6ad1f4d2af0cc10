import { assertEquals } from "@std/assert";
import { parseSessions } from "../../../../../../lib/platform/linux/facts/inventory/sessions.ts";

/** A record of utmp(5). */
function record(type: number, user: string, seconds: number, microseconds: number): string {
  const bytes = new Uint8Array(384);
  const view = new DataView(bytes.buffer);
  view.setInt16(0, type, true);
  bytes.set(new TextEncoder().encode(user), 44);
  view.setInt32(340, seconds, true);
  view.setInt32(344, microseconds, true);
  return [...bytes].map((byte) => ` ${byte.toString(16).padStart(2, "0")}`).join("");
}

Deno.test("users who are logged in are listed, and no other record", () => {
  const text = record(7, "root", 1_700_000_000, 250_000) + record(8, "gone", 1, 0) +
    record(7, "u".repeat(32), 2, 0);
  assertEquals(parseSessions(text.replaceAll(/(.{48})/g, "$1\n")), [
    { user: "root", loginTime: 1_700_000_000.25 },
    { user: "u".repeat(32), loginTime: 2 },
  ]);
});

Deno.test("no record and half a record are nobody", () => {
  assertEquals(parseSessions(""), []);
  assertEquals(parseSessions(record(7, "root", 1, 0).slice(0, 300)), []);
});
