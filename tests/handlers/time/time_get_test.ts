import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { timeGet } from "../../../handlers/time/time_get.ts";
import type { Clock } from "../../../lib/guest/clock.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { call } from "../_call.ts";
import { Served } from "../_served.ts";

const timeOf = async (clock?: Clock) =>
  z.parse(timeGet.result, await call(timeGet, {}, { guest: { clock } }));

Deno.test("time_get leaves out what the guest does not know", async () => {
  const state = { zoneOffsetSeconds: -12_600, zoneAbbreviation: "NST" };
  const { received_ms, sent_ms, ...rest } = await timeOf({ state: () => Promise.resolve(state) });
  assert(received_ms <= sent_ms);
  assertEquals(rest, { zone_offset_seconds: -12_600, zone_abbreviation: "NST" });
});

Deno.test("time_get of a guest that cannot tell says so", async () => {
  assertEquals((await rpcErrorOf(() => timeOf())).code, -32000);
});

Deno.test("time_get of a real, confined agent is between the host's own readings", async () => {
  await using served = await Served.start(timeGet);
  const before = Date.now();
  const { received_ms, sent_ms, zone_offset_seconds } = await served.call({}, timeGet.result);
  assert(before <= received_ms && received_ms <= sent_ms && sent_ms <= Date.now() + 1);
  assertEquals(zone_offset_seconds, -60 * new Date().getTimezoneOffset());
});
