import { assertEquals, assertStringIncludes } from "@std/assert";
import type { CallId } from "../../../lib/core/call_id.ts";
import { Caller } from "../../../lib/core/caller.ts";
import { CallInFlight } from "../../../lib/core/calls_in_flight.ts";
import { rpcErrorOf } from "../_helpers.ts";

const raw = (text: string): CallId => JSON.rawJSON(text);

/** Reserves an id for a new call. */
function reserve(caller: Caller, id: CallId | undefined): CallInFlight {
  const call = new CallInFlight();
  caller.reserve(id, call);
  return call;
}

Deno.test("Caller refuses an id that is in flight and names it", async () => {
  for (const id of ["a", "", 0, 7, 0.5, raw("9007199254740993")]) {
    const caller = new Caller();
    reserve(caller, id);
    const error = await rpcErrorOf(() => reserve(caller, id));
    assertEquals(error.code, -32600);
    assertStringIncludes(error.data.reason, JSON.stringify(id));
  }
});

Deno.test("Caller tells apart ids that only look the same", () => {
  const caller = new Caller();
  const ids: CallId[] = [1, "1", -1, "-1", '"1', "null", raw("1.50"), "1.50", raw("1e400")];
  for (const id of [...ids, raw("9007199254740992"), raw("9007199254740993")]) reserve(caller, id);
});

Deno.test("Caller takes any number of notifications and null ids, and cancels none of them", () => {
  const caller = new Caller();
  for (const id of [undefined, undefined, null, null]) reserve(caller, id);
  assertEquals(caller.cancel(null), false);
});

Deno.test("Caller lets an id be used again once it is released", () => {
  const caller = new Caller();
  const first = reserve(caller, 1);
  caller.release(1, first);
  const second = reserve(caller, 1);
  // A late release of the first does not release the second.
  caller.release(1, first);
  assertEquals(caller.cancel(1), true);
  assertEquals([first.signal.aborted, second.signal.aborted], [false, true]);
});

Deno.test("Caller cancels the call that is meant", () => {
  const caller = new Caller();
  const number = reserve(caller, 1);
  const text = reserve(caller, "1");
  assertEquals(caller.cancel("2"), false);
  assertEquals(caller.cancel("1"), true);
  assertEquals([number.signal.aborted, text.signal.aborted], [false, true]);
  assertEquals(text.signal.reason.code, -32000);
});

Deno.test("Caller keeps its rate until the configuration changes it", () => {
  const caller = new Caller();
  const rate = caller.rate(1);
  assertEquals(rate.take(), 0);
  assertEquals(caller.rate(1), rate);
  assertEquals(caller.rate(2).take(), 0);
});
