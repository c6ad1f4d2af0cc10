import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Id } from "../../../lib/dialects/jsonrpc/messages.ts";
import { RequestsInFlight } from "../../../lib/core/calls_in_flight.ts";
import { rpcErrorOf } from "../_helpers.ts";

const raw = (text: string): Id => JSON.rawJSON(text);

Deno.test("RequestsInFlight refuses an id that is in flight and names it", async () => {
  for (const id of ["a", "", 0, 7, 0.5, raw("9007199254740993")]) {
    const requests = new RequestsInFlight();
    requests.add(id);
    const error = await rpcErrorOf(() => requests.add(id));
    assertEquals(error.code, -32600);
    assertStringIncludes(error.data.reason, JSON.stringify(id));
    assertEquals(requests.count, 1);
  }
});

Deno.test("RequestsInFlight tells apart ids that only look the same", () => {
  const requests = new RequestsInFlight();
  const ids: Id[] = [1, "1", -1, "-1", '"1', "null", raw("1.5"), "1.5", raw("1e400")];
  for (const id of ids) requests.add(id);
  requests.add(raw("9007199254740992"));
  requests.add(raw("9007199254740993"));
  assertEquals(requests.count, ids.length + 2);
});

Deno.test("RequestsInFlight takes any number of notifications and null ids", () => {
  const requests = new RequestsInFlight();
  for (const id of [undefined, undefined, null, null]) requests.add(id);
  assertEquals(requests.count, 4);
  assertEquals(requests.cancel(null), false);
});

Deno.test("RequestsInFlight lets an id be used again once it is released", () => {
  const requests = new RequestsInFlight();
  const first = requests.add(1);
  requests.release(1, first);
  assertEquals(requests.count, 1);
  const second = requests.add(1);
  requests.remove(1, first);
  assertEquals(requests.count, 1);
  assertEquals(requests.cancel(1), true);
  assertEquals([first.signal.aborted, second.signal.aborted], [false, true]);
});

Deno.test("RequestsInFlight cancels the one that is meant", () => {
  const requests = new RequestsInFlight();
  const number = requests.add(1);
  const text = requests.add("1");
  assertEquals(requests.cancel("2"), false);
  assertEquals(requests.cancel("1"), true);
  assertEquals([number.signal.aborted, text.signal.aborted], [false, true]);
  assertEquals(text.signal.reason.code, -32000);
});

Deno.test("RequestsInFlight cancels all with the reason that is given", () => {
  const requests = new RequestsInFlight();
  const controllers = [requests.add(1), requests.add(undefined), requests.add(null)];
  requests.cancelAll("the agent is stopping");
  for (const { signal } of controllers) {
    assertEquals(signal.reason.data.reason, "the agent is stopping");
  }
});

Deno.test("RequestsInFlight tells when there is none any more", async () => {
  const requests = new RequestsInFlight();
  await requests.empty();
  const first = requests.add(1);
  const second = requests.add(undefined);
  let isEmpty = false;
  const waiting = [requests.empty(), requests.empty()].map((empty) =>
    empty.then(() => isEmpty = true)
  );
  requests.remove(1, first);
  await Promise.resolve();
  assertEquals(isEmpty, false);
  requests.remove(undefined, second);
  await Promise.all(waiting);
  assertEquals(requests.count, 0);
});
