import { assertEquals, assertRejects } from "@std/assert";
import { commandFailed, timedOut } from "../../../lib/base/errors.ts";
import { CallInFlight, CallsInFlight } from "../../../lib/core/calls_in_flight.ts";
import { within } from "../../_waiting.ts";

Deno.test("CallInFlight is aborted by its deadline, with the reason", async () => {
  const call = new CallInFlight();
  const aborted = new Promise((resolve) => call.signal.addEventListener("abort", resolve));
  call.setDeadline(1, () => timedOut("too slow"));
  await within(aborted, "the deadline");
  assertEquals(call.signal.reason.data.reason, "too slow");
  call.settle();
});

Deno.test("CallInFlight forgets a deadline that was cleared, replaced or settled", () => {
  const call = new CallInFlight();
  call.setDeadline(1, () => timedOut("first"));
  call.setDeadline(1, () => timedOut("second"));
  call.clearDeadline();
  call.setDeadline(1, () => timedOut("third"));
  // The sanitizer of timers would fail the test if one was left.
  call.settle();
});

Deno.test("CallInFlight hands on what work resolves to, and what it throws", async () => {
  const call = new CallInFlight();
  assertEquals(await call.outcomeOf(Promise.resolve(1)), 1);
  await assertRejects(() => call.outcomeOf(Promise.reject(new Error("no"))), Error, "no");
});

Deno.test("CallInFlight lets aborted work tell what it knows", async () => {
  const call = new CallInFlight();
  const { promise, reject } = Promise.withResolvers<never>();
  const outcome = call.outcomeOf(promise);
  call.abort(commandFailed("cancelled"));
  reject(commandFailed("stopped after 3"));
  await assertRejects(() => outcome, Error, "stopped after 3");
  call.settle();
});

Deno.test("CallInFlight is aborted once: the first reason stays", () => {
  const call = new CallInFlight();
  call.abort(commandFailed("first"));
  call.abort(commandFailed("second"));
  assertEquals(call.signal.reason.data.reason, "first");
  call.settle();
});

Deno.test("CallsInFlight aborts all with the given reason", () => {
  const calls = new CallsInFlight();
  const each = [new CallInFlight(), new CallInFlight()];
  for (const call of each) calls.add(call);
  calls.abortAll("the agent is stopping");
  for (const { signal } of each) {
    assertEquals(signal.reason.data.reason, "the agent is stopping");
  }
});

Deno.test("CallsInFlight tells when there are none any more", async () => {
  const calls = new CallsInFlight();
  await calls.empty();
  const [first, second] = [new CallInFlight(), new CallInFlight()];
  calls.add(first);
  calls.add(second);
  let isEmpty = false;
  const waiting = [calls.empty(), calls.empty()].map((empty) => empty.then(() => isEmpty = true));
  calls.remove(first);
  await Promise.resolve();
  assertEquals(isEmpty, false);
  calls.remove(second);
  await Promise.all(waiting);
  assertEquals(calls.count, 0);
});
