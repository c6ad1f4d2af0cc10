import { assert, assertEquals, assertRejects } from "@std/assert";
import * as z from "zod";
import { Caller } from "../../../lib/core/caller.ts";
import { CallInFlight } from "../../../lib/core/calls_in_flight.ts";
import { commandFailed, RpcError } from "../../../lib/base/errors.ts";
import { type Method, method } from "../../../lib/core/method.ts";
import { MAX_WAITING_CALLS, type Wait, WaitingCalls } from "../../../lib/core/waiting_calls.ts";
import { within } from "../../_waiting.ts";
import { InProcessAgent, ParkedMethod, request } from "./_host.ts";

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));

const endless: Wait = { seconds: 60, event: untilAborted };

Deno.test("WaitingCalls resolves with the event, or when the time is over", async () => {
  const waiting = new WaitingCalls();
  await waiting.wait({ seconds: 60, event: () => Promise.resolve() }, new CallInFlight());
  await waiting.wait({ seconds: 0.01, event: untilAborted }, new CallInFlight());
  assertEquals(waiting.count, 0);
});

Deno.test("WaitingCalls rejects with the reason of an aborted call, or with the event's error", async () => {
  const waiting = new WaitingCalls();
  const call = new CallInFlight();
  const waited = waiting.wait(endless, call);
  call.abort(commandFailed("cancelled"));
  await assertRejects(() => waited, RpcError, "cancelled");
  const broken: Wait = { seconds: 60, event: () => Promise.reject(new TypeError("broken")) };
  await assertRejects(() => waiting.wait(broken, new CallInFlight()), TypeError, "broken");
  assertEquals(waiting.count, 0);
});

/** A method that waits until it is told to run, or as long as `wait_seconds` says. */
function waitingMethod(): { readonly method: Method; readonly ready: PromiseWithResolvers<void> } {
  const ready = Promise.withResolvers<void>();
  return {
    ready,
    method: method({
      name: "read",
      summary: "For tests.",
      access: "see",
      params: z.strictObject({ wait_seconds: z._default(z.number(), 60) }),
      result: z.strictObject({ isStopping: z.boolean() }),
      audited: false,
      example: { result: { isStopping: false } },
      wait: ({ wait_seconds }) =>
        wait_seconds === 0 ? undefined : {
          seconds: wait_seconds,
          event: (signal) => Promise.race([ready.promise, untilAborted(signal)]),
        },
      run: (_params, { signal }) => ({ isStopping: signal.aborted }),
    }),
  };
}

const read = (id: number, wait_seconds = 60) =>
  request({ id, method: "read", params: { wait_seconds } });

Deno.test("a waiting call holds no slot and takes one when it runs", async () => {
  const { method, ready } = waitingMethod();
  const park = new ParkedMethod();
  const agent = new InProcessAgent([method, park.method], { max_concurrent_requests: 1 });
  const waiting = agent.ask(read(1));
  const parked = agent.ask(request({ id: 2, method: "park" }));
  const call = await park.call(0);
  ready.resolve();
  const first = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 20))]);
  assertEquals(first, undefined);
  call.finish(null);
  assertEquals((await within(waiting, "the read")).result, { isStopping: false });
  await parked;
});

Deno.test("the 33rd waiting call of a host is refused; another host may wait", async () => {
  const { method, ready } = waitingMethod();
  const agent = new InProcessAgent([method]);
  const waiting = Array.from({ length: MAX_WAITING_CALLS }, (_, id) => agent.ask(read(id)));
  const { error } = await agent.ask(read(100));
  assertEquals(error?.code, -32004);
  assert(error?.data?.reason.includes("wait_seconds"), error?.data?.reason);
  assertEquals((await agent.ask(read(101, 0))).error, undefined);
  const other = agent.anotherHost().ask(read(1));
  ready.resolve();
  for (const answer of await Promise.all([...waiting, other])) assert(answer.result !== undefined);
});

Deno.test("a waiting call runs when the agent stops, and no call waits after that", async () => {
  const { method } = waitingMethod();
  const agent = new InProcessAgent([method]);
  const waiting = agent.ask(read(1));
  const stopped = agent.executor.stop(5000);
  assertEquals((await within(waiting, "the read")).result, { isStopping: false });
  await within(stopped, "the end");
  assertEquals((await within(agent.ask(read(2)), "a late read")).result, { isStopping: false });
});

Deno.test("the waiting calls of a host that has left are aborted", async () => {
  const caller = new Caller();
  const waited = caller.waiting.wait(endless, new CallInFlight());
  caller.leave();
  await assertRejects(() => waited, RpcError, "disconnected");
});
