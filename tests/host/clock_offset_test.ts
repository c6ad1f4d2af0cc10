import { assert, assertEquals } from "@std/assert";
import { measureClockOffset, offsetOf } from "../../host/clock_offset.ts";
import { TestAgent } from "../agent/_agent.ts";

const guest = (received_ms: number, sent_ms: number) => ({
  received_ms,
  sent_ms,
  zone_offset_seconds: 0,
  zone_abbreviation: "UTC",
});

Deno.test("the offset leaves out the time that the guest took", () => {
  // The guest is 1000 ms ahead, works for 50 ms, and each way takes 2 ms.
  const measured = offsetOf({ sentMs: 5000, receivedMs: 5054 }, guest(6002, 6052));
  assertEquals([measured.offsetMs, measured.uncertaintyMs], [1000, 2]);
});

Deno.test("the true offset is within the uncertainty, however the ways differ", () => {
  for (const there of [0, 1, 9]) {
    for (const back of [0, 3, 7]) {
      const trip = { sentMs: 0, receivedMs: there + 20 + back };
      const measured = offsetOf(trip, guest(there - 400, there + 20 - 400));
      assert(Math.abs(measured.offsetMs - -400) <= measured.uncertaintyMs);
    }
  }
});

Deno.test("the offset of a guest on this machine is nothing but uncertainty", async () => {
  await using agent = await TestAgent.start();
  await using client = await agent.client();
  const { offsetMs, uncertaintyMs } = await measureClockOffset(client);
  // A microsecond for rounding.
  assert(Math.abs(offsetMs) <= uncertaintyMs + 0.001, `${offsetMs} ± ${uncertaintyMs}`);
});
