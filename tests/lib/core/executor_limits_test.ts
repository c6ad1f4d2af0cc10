import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as z from "zod";
import { ping } from "../../../handlers/agent/ping.ts";
import { rpcCancel } from "../../../handlers/agent/rpc_cancel.ts";
import { Audit } from "../../../lib/audit/audit.ts";
import { DurableLines } from "../../../lib/audit/durable_lines.ts";
import { commandFailed } from "../../../lib/base/errors.ts";
import { method } from "../../../lib/core/method.ts";
import { ResultThen } from "../../../lib/core/outcome.ts";
import { SLOT_LIMITS } from "../../../lib/base/slots.ts";
import { CollectingLog, configWith } from "../_helpers.ts";
import {
  answerOf,
  anyMethod,
  batchOf,
  InProcessAgent,
  ObedientMethod,
  ParkedMethod,
  request,
} from "./_host.ts";
import { within } from "../../_waiting.ts";

const MAX_WAITING = SLOT_LIMITS.calls;

const park = (id: number | string) => request({ id, method: "park" });
const pingLine = (id: number) => request({ id, method: "ping" });

Deno.test("requests over the rate are -32004 with the time to wait, and nothing is done", async () => {
  let runs = 0;
  const agent = new InProcessAgent([anyMethod("count", () => runs += 1)], {
    max_requests_per_second: 3,
  });
  const answers = await Promise.all(
    [1, 2, 3, 4].map((id) => agent.ask(request({ id, method: "count" }))),
  );
  assertEquals(answers.map(({ error }) => error?.code), [undefined, undefined, undefined, -32004]);
  assertEquals(runs, 3);
  const wait = answers[3]?.error?.data.retry_after_ms;
  assert(typeof wait === "number" && wait > 0 && wait <= 334, String(wait));
  assertStringIncludes(answers[3]?.error?.data.reason ?? "", "3 requests per second");
});

Deno.test("the rate counts immediate, unknown and wrong requests, and those of a batch", async () => {
  const agent = new InProcessAgent([ping], { max_requests_per_second: 4 });
  const answers = [
    await agent.ask(pingLine(1)),
    await agent.ask(request({ id: 2, method: "nope" })),
    await agent.ask(request({ id: 3, method: "ping", params: { x: 1 } })),
    ...await agent.askBatch(`[${pingLine(4)},${pingLine(5)}]`),
    await agent.ask(pingLine(6)),
  ];
  assertEquals(
    answers.map(({ id, error }) => [id, error?.code]),
    [[1, undefined], [2, -32601], [3, -32602], [4, undefined], [5, -32004], [6, -32004]],
  );
});

Deno.test("a result that is known is the answer at once, without a slot; otherwise the method runs", async () => {
  const parked = new ParkedMethod();
  let known: unknown = undefined;
  let runs = 0;
  const fact = method({
    name: "fact",
    summary: "For tests.",
    params: z.strictObject({ of: z.string() }),
    result: z.unknown(),
    access: "always",
    audited: false,
    example: { result: null },
    known: ({ of }) => known === undefined ? undefined : `${known} of ${of}`,
    run: () => Promise.resolve(runs += 1),
  });
  const agent = new InProcessAgent([parked.method, fact], { max_concurrent_requests: 1 });
  const ask = (id: number) => agent.ask(request({ id, method: "fact", params: { of: "x" } }));
  assertEquals((await ask(1)).result, 1);
  const waiting = agent.ask(park("slow"));
  const call = await parked.call(0);
  known = "all";
  assertEquals((await ask(2)).result, "all of x");
  assertEquals(runs, 1);
  assertEquals((await agent.ask(request({ id: 3, method: "fact" }))).error?.code, -32602);
  known = undefined;
  const late = ask(4);
  call.finish("done");
  assertEquals((await waiting).result, "done");
  assertEquals((await late).result, 2);
  assertEquals(agent.executor.counters.methods.get("fact"), { ok: 3, error: 1 });
});

Deno.test("a notification over the rate is not answered and not run", async () => {
  let runs = 0;
  const agent = new InProcessAgent([anyMethod("count", () => runs += 1)], {
    max_requests_per_second: 1,
  });
  assertEquals(await agent.exchange(request({ method: "count" })), []);
  assertEquals(await agent.exchange(request({ method: "count" })), []);
  assertEquals(runs, 1);
});

Deno.test("a flood over the rate does not flood the log", async () => {
  const agent = new InProcessAgent([ping], { max_requests_per_second: 1 });
  for (let id = 0; id < 5000; id++) {
    await agent.exchange(pingLine(id));
    await agent.exchange("nonsense");
  }
  assert(agent.log.lines.length < 500, `${agent.log.lines.length} lines`);
});

Deno.test("max_concurrent_requests run, the next wait and run in their order", async () => {
  const parked = new ParkedMethod();
  const agent = new InProcessAgent([parked.method], { max_concurrent_requests: 2 });
  const answers = [0, 1, 2, 3].map((index) =>
    agent.ask(request({ id: index, method: "park", params: { index } }))
  );
  await parked.call(1);
  await agent.exchange("[]");
  assertEquals(parked.calls.length, 2);
  assertEquals(agent.executor.inFlight, 4);
  for (const index of [0, 1, 2, 3]) {
    const call = await parked.call(index);
    assertEquals(call.params.index, index);
    call.finish(index);
    assertEquals((await answers[index])?.result, index);
  }
  assertEquals(agent.executor.inFlight, 0);
});

Deno.test("immediate methods are answered while all slots are taken and the queue is full", async () => {
  const parked = new ParkedMethod();
  const agent = new InProcessAgent([parked.method, ping], { max_concurrent_requests: 10 });
  const waiting = Array.from({ length: 10 + MAX_WAITING }, (_, id) => agent.ask(park(id)));
  await parked.call(9);
  // At once: without so much as a turn of the event loop.
  const sent: string[] = [];
  assertEquals(
    agent.handle(pingLine(999), (text) => {
      sent.push(text);
      return Promise.resolve();
    }),
    undefined,
  );
  assertEquals(sent.map((text) => answerOf(text).id), [999]);
  for (let index = 0; index < 10 + MAX_WAITING; index++) (await parked.call(index)).finish(null);
  await Promise.all(waiting);
});

Deno.test("a hundred may wait, more are -32004, and nothing of them is done", async () => {
  const parked = new ParkedMethod();
  const agent = new InProcessAgent([parked.method], { max_concurrent_requests: 1 });
  const waiting = Array.from({ length: 1 + MAX_WAITING }, (_, id) => agent.ask(park(id)));
  const refused = await agent.ask(park("one too many"));
  assertEquals(refused.error?.code, -32004);
  assertStringIncludes(refused.error?.data.reason ?? "", "waiting");
  for (let index = 0; index <= MAX_WAITING; index++) (await parked.call(index)).finish(null);
  const answers = await Promise.all(waiting);
  assertEquals(answers.filter(({ error }) => error !== undefined), []);
  assertEquals(parked.calls.length, 1 + MAX_WAITING);
});

Deno.test("a slot is kept until the answer has left", async () => {
  const parked = new ParkedMethod();
  const agent = new InProcessAgent([parked.method], { max_concurrent_requests: 1 });
  const { promise: left, resolve: leave } = Promise.withResolvers<void>();
  const { promise: answered, resolve: onAnswer } = Promise.withResolvers<void>();
  const first = agent.handle(park(1), () => {
    onAnswer();
    return left;
  });
  const second = agent.ask(park(2));
  (await parked.call(0)).finish(null);
  await answered;
  await agent.exchange("[]");
  assertEquals(parked.calls.length, 1);
  leave();
  (await parked.call(1)).finish(null);
  await Promise.all([first, second]);
});

for (const id of ["a", 0, 7, null]) {
  const shown = JSON.stringify(id);
  Deno.test(`a second request with the id ${shown} does not disturb the first`, async () => {
    const parked = new ParkedMethod();
    const agent = new InProcessAgent([parked.method]);
    const line = request({ id, method: "park" });
    const first = agent.ask(line);
    const call = await parked.call(0);
    const second = agent.ask(line);
    if (id === null) {
      (await parked.call(1)).finish("second");
    } else {
      const refused = await second;
      assertEquals([refused.id, refused.error?.code], [id, -32600]);
      assertEquals(parked.calls.length, 1);
    }
    assertEquals(call.context.signal.aborted, false);
    call.finish("first");
    assertEquals(await first.then(({ id, result }) => [id, result]), [id, "first"]);
    await second;

    const again = agent.ask(line);
    (await parked.call(id === null ? 2 : 1)).finish("again");
    assertEquals((await again).result, "again");
  });
}

Deno.test("64-bit ids that differ beyond a double's precision are two ids", async () => {
  const parked = new ParkedMethod();
  const agent = new InProcessAgent([parked.method]);
  const ids = ["9007199254740992", "9007199254740993"];
  const answers = ids.map((id) => agent.exchange(`{"jsonrpc":"2.0","id":${id},"method":"park"}`));
  for (const index of [0, 1]) (await parked.call(index)).finish(index);
  assertEquals(
    await Promise.all(answers),
    ids.map((id, index) => [
      `{"jsonrpc":"2.0","result":${index},"id":${id}}`,
    ]),
  );
});

Deno.test("duplicate ids within a batch are refused, the first is answered", async () => {
  const parked = new ParkedMethod();
  const agent = new InProcessAgent([parked.method]);
  const answers = agent.askBatch(`[${park(1)},${park(1)}]`);
  (await parked.call(0)).finish("first");
  assertEquals(
    (await answers).map(({ id, result, error }) => [id, result ?? error?.code]),
    [[1, -32600], [1, "first"]],
  );
});

Deno.test("a request that takes too long is -32003, its signal aborted with that error", async () => {
  const obedient = new ObedientMethod();
  const agent = new InProcessAgent([obedient.method], { request_timeout_seconds: 0.02 });
  const { id, error } = await within(agent.ask(request({ id: 5, method: "obey" })), "timeout");
  assertEquals([id, error?.code, error?.data.timeout_seconds], [5, -32003, 0.02]);
  assertEquals(obedient.aborted.length, 1);
  const [line] = agent.log.of("request");
  assertEquals([line?.fields.outcome, line?.fields.code], ["error", -32003]);
});

Deno.test("a request that takes too long while it waits for a slot is -32003 and never runs", async () => {
  const parked = new ParkedMethod("park", { ownTimeout: true });
  let runs = 0;
  const agent = new InProcessAgent([parked.method, anyMethod("late", () => runs += 1)], {
    max_concurrent_requests: 1,
    request_timeout_seconds: 0.02,
  });
  const first = agent.ask(park(1));
  const late = await within(agent.ask(request({ id: 2, method: "late" })), "timeout");
  assertEquals(late.error?.code, -32003);
  (await parked.call(0)).finish(null);
  await first;
  assertEquals((await agent.ask(request({ id: 3, method: "late" }))).error, undefined);
  assertEquals(runs, 1);
});

Deno.test("a method with a time limit of its own is not bound by the general one", async () => {
  const own = new ParkedMethod("own", { ownTimeout: true });
  const obedient = new ObedientMethod();
  const agent = new InProcessAgent([own.method, obedient.method], {
    request_timeout_seconds: 0.02,
  });
  const answer = agent.ask(request({ id: 1, method: "own" }));
  const call = await own.call(0);
  // Another request runs into the general limit meanwhile.
  assertEquals((await agent.ask(request({ id: 2, method: "obey" }))).error?.code, -32003);
  assertEquals(call.context.signal.aborted, false);
  call.finish("in its own time");
  assertEquals((await answer).result, "in its own time");
});

Deno.test("work that is stopped tells more than the reason it was stopped for", async () => {
  const agent = new InProcessAgent([
    anyMethod("partial", (_params, { signal }) => {
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => reject(commandFailed("stopped", { done: 3 })));
      return promise;
    }),
    anyMethod("broken", (_params, { signal }) => {
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => reject(new TypeError("aborted read")));
      return promise;
    }),
  ], { request_timeout_seconds: 0.02 });
  const partial = await agent.ask(request({ id: 1, method: "partial" }));
  assertEquals([partial.error?.code, partial.error?.data.done], [-32000, 3]);
  const broken = await agent.ask(request({ id: 2, method: "broken" }));
  assertEquals(broken.error?.code, -32003);
  assertEquals(agent.log.of("internal error"), []);
});

Deno.test("work that will not stop is answered for, and keeps its slot until it ends", async () => {
  const stubborn = new ParkedMethod("stubborn");
  let runs = 0;
  const agent = new InProcessAgent(
    [stubborn.method, anyMethod("next", () => runs += 1), ping, rpcCancel],
    { max_concurrent_requests: 1 },
  );
  const answer = agent.ask(request({ id: 1, method: "stubborn" }));
  const call = await stubborn.call(0);
  const next = agent.ask(request({ id: 2, method: "next" }));
  await agent.ask(request({ id: 3, method: "rpc.cancel", params: { id: 1 } }));
  const { error } = await within(answer, "an answer without the work");
  assertEquals([error?.code, error?.data.reason], [-32000, "cancelled by the host"]);
  await agent.ask(pingLine(4));
  assertEquals(runs, 0);
  call.finish("too late");
  assertEquals((await next).result, 1);
});

Deno.test("rpc.cancel stops a running request, which is answered with -32000", async () => {
  const obedient = new ObedientMethod("obey", { ownTimeout: true });
  const agent = new InProcessAgent([obedient.method, rpcCancel]);
  for (const id of [1, "a", -5, 1.5]) {
    const answer = agent.ask(request({ id, method: "obey" }));
    await agent.exchange("[]");
    const cancel = await agent.ask(request({ id: 99, method: "rpc.cancel", params: { id } }));
    assertEquals(cancel.result, { cancelled: true });
    const { error } = await within(answer, "the end of what was cancelled");
    assertEquals([error?.code, error?.data.reason], [-32000, "cancelled by the host"]);
  }
});

Deno.test("rpc.cancel takes a fraction as id whatever its own id is", async () => {
  const obedient = new ObedientMethod();
  const agent = new InProcessAgent([obedient.method, rpcCancel]);
  const answer = agent.ask(request({ id: 1.5, method: "obey" }));
  await agent.exchange("[]");
  const cancel = await agent.ask(request({ id: 2.5, method: "rpc.cancel", params: { id: 1.5 } }));
  await agent.executor.stop(0);
  await answer;
  assertEquals(cancel.result, { cancelled: true });
});

Deno.test("rpc.cancel stops a request with a 64-bit id", async () => {
  const obedient = new ObedientMethod();
  const agent = new InProcessAgent([obedient.method, rpcCancel]);
  const answer = agent.exchange('{"jsonrpc":"2.0","id":9007199254740993,"method":"obey"}');
  await agent.exchange("[]");
  const cancel = await agent.ask(
    '{"jsonrpc":"2.0","id":1,"method":"rpc.cancel","params":{"id":9007199254740993}}',
  );
  await agent.executor.stop(0);
  await answer;
  assertEquals(cancel.result, { cancelled: true });
});

Deno.test("rpc.cancel stops a request that waits, which then never runs", async () => {
  const parked = new ParkedMethod();
  const agent = new InProcessAgent([parked.method, rpcCancel], { max_concurrent_requests: 1 });
  const first = agent.ask(park(1));
  const waiting = agent.ask(park(2));
  await parked.call(0);
  await agent.ask(request({ id: 3, method: "rpc.cancel", params: { id: 2 } }));
  assertEquals((await waiting).error?.code, -32000);
  (await parked.call(0)).finish(null);
  await first;
  assertEquals(parked.calls.length, 1);
});

Deno.test("rpc.cancel says when there is nothing to cancel", async () => {
  const parked = new ParkedMethod();
  const agent = new InProcessAgent([parked.method, rpcCancel]);
  const done = agent.ask(park(1));
  (await parked.call(0)).finish(null);
  await done;
  for (const id of [1, "1", "nobody"]) {
    const answer = await agent.ask(request({ id: 9, method: "rpc.cancel", params: { id } }));
    assertEquals(answer.result, { cancelled: false });
  }
});

Deno.test("a cancelled request of a batch does not hold up the others", async () => {
  const obedient = new ObedientMethod();
  const parked = new ParkedMethod();
  const agent = new InProcessAgent([obedient.method, parked.method, rpcCancel]);
  const answers = agent.askBatch(`[${request({ id: 1, method: "obey" })},${park(2)}]`);
  (await parked.call(0)).finish("done");
  await agent.ask(request({ id: 3, method: "rpc.cancel", params: { id: 1 } }));
  const byId = new Map((await answers).map((answer) => [answer.id, answer]));
  assertEquals(byId.get(1)?.error?.code, -32000);
  assertEquals(byId.get(2)?.result, "done");
});

const acting = (run: () => void, drop = () => {}) =>
  anyMethod("act", () =>
    new ResultThen("announced", {
      run: () => Promise.resolve(run()),
      drop,
    }));

Deno.test("an action happens once the answer has left", async () => {
  const events: string[] = [];
  const agent = new InProcessAgent([acting(() => events.push("acted"))]);
  const { promise: left, resolve: leave } = Promise.withResolvers<void>();
  const { promise: answered, resolve: onAnswer } = Promise.withResolvers<void>();
  const done = agent.handle(request({ id: 1, method: "act" }), () => {
    events.push("answered");
    onAnswer();
    return left;
  });
  await answered;
  await agent.exchange("[]");
  assertEquals(events, ["answered"]);
  leave();
  await done;
  assertEquals(events, ["answered", "acted"]);
});

Deno.test("an action waits for the answer of the whole batch", async () => {
  const events: string[] = [];
  const parked = new ParkedMethod();
  const agent = new InProcessAgent([parked.method, acting(() => events.push("acted"))]);
  const line = `[${request({ id: 1, method: "act" })},${park(2)}]`;
  const done = agent.handle(line, (text) => {
    events.push(`answered ${batchOf(text).length}`);
    return Promise.resolve();
  });
  const call = await parked.call(0);
  await agent.exchange("[]");
  assertEquals(events, []);
  call.finish(null);
  await done;
  assertEquals(events, ["answered 2", "acted"]);
});

Deno.test("a batch with more members than slots is answered, also if actions follow", async () => {
  let acted = 0;
  const agent = new InProcessAgent([acting(() => acted += 1)], { max_concurrent_requests: 2 });
  const lines = Array.from({ length: 20 }, (_, id) => request({ id, method: "act" }));
  const answers = await within(agent.askBatch(`[${lines.join(",")}]`), "the batch");
  assertEquals([answers.length, acted], [20, 20]);
  assertEquals(agent.executor.inFlight, 0);
});

Deno.test("the action of a notification happens", async () => {
  let acted = 0;
  const agent = new InProcessAgent([acting(() => acted += 1)]);
  await agent.exchange(request({ method: "act" }));
  await agent.exchange(`[${request({ method: "act" })}]`);
  assertEquals(acted, 2);
});

// Each line is answered with an error instead of the result, since the result does not fit.
for (
  const [what, lineOf] of [
    ["an id that overfills the reply", (id: string) => request({ id, method: "act" })],
    ["a batch without room", (id: string) => `[${request({ id, method: "act" })}]`],
    [
      "a batch without room for anything",
      (id: string) =>
        `[${request({ id, method: "act" })},${request({ id: `${id}2`, method: "act" })}]`,
    ],
  ] as const
) {
  Deno.test(`an action does not happen if the answer is an error: ${what}`, async () => {
    const events: string[] = [];
    const agent = new InProcessAgent([
      acting(() => events.push("acted"), () => events.push("dropped")),
    ], { max_message_size_kb: 1 });
    const line = lineOf("x".repeat(1000));
    const [text = ""] = await agent.exchange(line);
    assertEquals(text.includes("announced"), false, text);
    assertEquals(events.includes("acted"), false);
    assertEquals(events.includes("dropped"), true);
    assertEquals(agent.executor.inFlight, 0);
  });
}

Deno.test("an action that fails is logged with its stack, and the agent goes on", async () => {
  const failure = new Error("the provider broke");
  const agent = new InProcessAgent([acting(() => {
    throw failure;
  })]);
  assertEquals((await agent.ask(request({ id: 1, method: "act" }))).result, "announced");
  const [line] = agent.log.of("act failed after it was answered");
  assertEquals([line?.level, line?.fields.error], ["error", failure.stack]);
  assertEquals((await agent.ask(request({ id: 1, method: "act" }))).result, "announced");
});

Deno.test("one host's ids and cancellations are not another's", async () => {
  const parked = new ParkedMethod("park", { ownTimeout: true });
  const agent = new InProcessAgent([parked.method, rpcCancel]);
  const other = agent.anotherHost();
  const first = agent.ask(park(1));
  await parked.call(0);
  const second = other.ask(park(1));
  const call = await parked.call(1);
  const cancel = request({ id: 2, method: "rpc.cancel", params: { id: 1 } });
  assertEquals((await agent.anotherHost().ask(cancel)).result, { cancelled: false });
  assertEquals((await other.ask(cancel)).result, { cancelled: true });
  assertEquals([(await parked.call(0)).context.signal.aborted, call.context.signal.aborted], [
    false,
    true,
  ]);
  (await parked.call(0)).finish("undisturbed");
  call.fail(call.context.signal.reason);
  assertEquals((await first).result, "undisturbed");
  assertEquals((await second).error?.code, -32000);
});

Deno.test("one host's requests do not use up another's rate", async () => {
  const agent = new InProcessAgent([ping], { max_requests_per_second: 1 });
  const answers = [await agent.ask(pingLine(1)), await agent.ask(pingLine(2))];
  assertEquals(answers.map(({ error }) => error?.code), [undefined, -32004]);
  assertEquals((await agent.anotherHost().ask(pingLine(1))).error, undefined);
});

Deno.test("a call refused by the audit gives its slot back", async () => {
  const lines = new DurableLines(() => Promise.reject(new Error("no disk")));
  const audit = new Audit({ lines, isRequired: true, log: new CollectingLog() });
  let runs = 0;
  const agent = new InProcessAgent(
    [
      anyMethod("write", () => runs += 1, { audited: true }),
      anyMethod("read", () => runs += 1),
    ],
    { max_concurrent_requests: 1 },
    audit,
  );
  for (let id = 0; id < 3; id++) {
    const { error } = await within(agent.ask(request({ id, method: "write" })), "the refusal");
    assertEquals(error?.code, -32001);
  }
  assertEquals((await within(agent.ask(request({ id: 9, method: "read" })), "a slot")).result, 1);
});

Deno.test("requests that wait are bounded by their bytes, whatever their number", async () => {
  const parked = new ParkedMethod();
  const agent = new InProcessAgent([parked.method], { max_concurrent_requests: 1 });
  const size = Math.floor(SLOT_LIMITS.bytes / 4);
  const large = (id: number) =>
    request({ id, method: "park", params: { value: "x".repeat(size) } });
  const answers = Array.from({ length: 6 }, (_, id) => agent.ask(large(id)));
  const refused = await Promise.all(answers.slice(4));
  assertEquals(refused.map(({ error }) => error?.code), [-32004, -32004]);
  assertStringIncludes(refused[0]?.error?.data.reason ?? "", "waiting requests already take");
  for (let index = 0; index < 4; index++) (await parked.call(index)).finish(index);
  assertEquals((await Promise.all(answers.slice(0, 4))).map(({ result }) => result), [0, 1, 2, 3]);
  const after = agent.ask(large(7));
  (await parked.call(4)).finish("there is room again");
  assertEquals((await after).result, "there is room again");
});

Deno.test("requests that run are bounded by their bytes, whatever the number of slots", async () => {
  const parked = new ParkedMethod();
  const agent = new InProcessAgent([parked.method], { max_concurrent_requests: 100 });
  const size = Math.floor(SLOT_LIMITS.runningBytes / 3);
  const large = (id: number) =>
    request({ id, method: "park", params: { value: "x".repeat(size) } });
  const answers = Array.from({ length: 4 }, (_, id) => agent.ask(large(id)));
  (await parked.call(1)).finish(1);
  await answers[1];
  await parked.call(2);
  assertEquals(parked.calls.length, 3, "two at a time: each is more than a third");
  (await parked.call(0)).fail(commandFailed("a failure gives its bytes back, too"));
  (await parked.call(2)).finish(2);
  (await parked.call(3)).finish(3);
  const after = await within(Promise.all(answers), "the answers");
  assertEquals(after.map(({ error, result }) => error?.code ?? result), [-32000, 1, 2, 3]);
});

Deno.test("a method that drops its parameters is not counted once it runs", async () => {
  const parked = new ParkedMethod("park", { dropsParams: true });
  const agent = new InProcessAgent([parked.method], { max_concurrent_requests: 2 });
  const params = { value: "x".repeat(SLOT_LIMITS.runningBytes) };
  const answers = [0, 1].map((id) => agent.ask(request({ id, method: "park", params })));
  await parked.call(1);
  for (const index of [0, 1]) (await parked.call(index)).finish(index);
  assertEquals((await Promise.all(answers)).map(({ result }) => result), [0, 1]);
});

Deno.test("a call that is refused before it runs gives its bytes back", async () => {
  const lines = new DurableLines(() => Promise.reject(new Error("no disk")));
  const audit = new Audit({ lines, isRequired: true, log: new CollectingLog() });
  const traits = { audited: true, dropsParams: true };
  const agent = new InProcessAgent(
    [anyMethod("write", () => 0, traits), anyMethod("read", () => 1)],
    { max_concurrent_requests: 2 },
    audit,
  );
  const params = { value: "x".repeat(SLOT_LIMITS.runningBytes) };
  for (let id = 0; id < 3; id++) {
    const { error } = await agent.ask(request({ id, method: "write", params }));
    assertEquals(error?.code, -32001);
  }
  const parked = agent.ask(request({ id: 8, method: "read", params }));
  assertEquals((await within(parked, "room")).result, 1);
  const small = await within(agent.ask(request({ id: 9, method: "read" })), "room beside it");
  assertEquals(small.result, 1);
});

Deno.test("a request waits for a slot no longer than request_timeout_seconds, own timeout or not", async () => {
  const parked = new ParkedMethod("park", { ownTimeout: true });
  const agent = new InProcessAgent([parked.method], {
    max_concurrent_requests: 1,
    request_timeout_seconds: 0.02,
  });
  const first = agent.ask(park(1));
  const call = await parked.call(0);
  const { error } = await within(agent.ask(park(2)), "the time-out");
  assertEquals(error?.code, -32003);
  assertStringIncludes(error?.data.reason ?? "", "no slot became free within 0.02 s");
  assertEquals([parked.calls.length, call.context.signal.aborted], [1, false]);
  call.finish("in its own time");
  assertEquals((await first).result, "in its own time");
});

Deno.test("stop() returns at once when nothing is in flight", async () => {
  await within(new InProcessAgent([]).executor.stop(3_600_000), "stop");
});

Deno.test("stop() waits for work that ends in time, and cancels nothing", async () => {
  const parked = new ParkedMethod();
  const agent = new InProcessAgent([parked.method]);
  const answer = agent.ask(park(1));
  const call = await parked.call(0);
  let hasStopped = false;
  const stopped = agent.executor.stop(3_600_000).then(() => hasStopped = true);
  await agent.exchange("[]");
  assertEquals(hasStopped, false);
  call.finish("in time");
  await within(stopped, "stop");
  assertEquals((await answer).result, "in time");
  assertEquals(call.context.signal.aborted, false);
});

Deno.test("stop() cancels what is left after the grace, running or waiting", async () => {
  const obedient = new ObedientMethod("obey", { ownTimeout: true });
  const agent = new InProcessAgent([obedient.method], { max_concurrent_requests: 1 });
  const answers = [1, 2].map((id) => agent.ask(request({ id, method: "obey" })));
  await within(agent.executor.stop(10), "stop");
  for (const { error } of await Promise.all(answers)) {
    assertEquals([error?.code, error?.data.reason], [-32000, "the agent is stopping"]);
  }
  assertEquals(obedient.aborted.length, 1);
  assertEquals(agent.executor.inFlight, 0);
});

Deno.test("stop() does not wait for ever for work that will not stop", async () => {
  const stubborn = new ParkedMethod();
  const agent = new InProcessAgent([stubborn.method]);
  const answer = agent.ask(park(1));
  const call = await stubborn.call(0);
  await within(agent.executor.stop(0), "stop");
  assertEquals(call.context.signal.aborted, true);
  assertEquals((await within(answer, "answer")).error?.data.reason, "the agent is stopping");
  call.finish(null);
});

Deno.test("reconfigure() changes what requests are given from now on, not what others have", async () => {
  const parked = new ParkedMethod();
  const agent = new InProcessAgent([parked.method], { max_concurrent_requests: 1 });
  const first = agent.ask(park(1));
  const { context, finish } = await parked.call(0);
  const second = agent.ask(park(2));
  const changed = configWith({ max_concurrent_requests: 2, request_timeout_seconds: 7 });
  agent.executor.reconfigure(changed);
  const later = await parked.call(1);
  assertEquals(
    [context, later.context].map(({ config }) => config.request_timeout_seconds),
    [30, 7],
  );
  for (const call of [{ finish }, later]) call.finish(null);
  assertEquals((await Promise.all([first, second])).map(({ error }) => error), [
    undefined,
    undefined,
  ]);
});

Deno.test("reconfigure() changes the rate and the longest answer", async () => {
  const agent = new InProcessAgent([anyMethod("long", () => "x".repeat(2000))]);
  const ask = (id: number) => agent.ask(request({ id, method: "long" }));
  assertEquals((await ask(1)).error, undefined);
  agent.executor.reconfigure(configWith({ max_message_size_kb: 1 }));
  assertEquals((await ask(2)).error?.data.limit_bytes, 1024);
  agent.executor.reconfigure(configWith({ max_requests_per_second: 1 }));
  assertEquals([(await ask(3)).error?.code, (await ask(4)).error?.code], [undefined, -32004]);
});

Deno.test("requests are counted by how they ended", async () => {
  const fail = anyMethod("fail", () => {
    throw commandFailed("no");
  });
  const agent = new InProcessAgent([ping, fail], { max_requests_per_second: 5 });
  await agent.askBatch(`[${pingLine(1)},${request({ id: 2, method: "fail" })}]`);
  await agent.exchange(request({ method: "ping" }));
  for (const method of ["nothing", "__proto__"]) await agent.ask(request({ id: 3, method }));
  await agent.ask(pingLine(4));
  await agent.ask("not JSON");
  await agent.ask("{}");
  const { methods, rejected, malformed } = agent.executor.counters;
  assertEquals(Object.fromEntries(methods), {
    ping: { ok: 2, error: 0 },
    fail: { ok: 0, error: 1 },
    unknown: { ok: 0, error: 2 },
  });
  assertEquals([rejected, malformed], [1, 2]);
});

/** An audit that is required, and the lines that were written. */
function auditInMemory() {
  const written: string[] = [];
  const file = {
    write: (bytes: Uint8Array) => {
      written.push(new TextDecoder().decode(bytes));
      return Promise.resolve(bytes.byteLength);
    },
    syncData: () => Promise.resolve(),
    close: () => {},
  };
  const lines = new DurableLines(() => Promise.resolve({ file, isTorn: false }));
  return { audit: new Audit({ lines, isRequired: true, log: new CollectingLog() }), written };
}

Deno.test("an audited call that needs no slot frees none", async () => {
  const parked = new ParkedMethod();
  const agent = new InProcessAgent(
    [parked.method, rpcCancel],
    { max_concurrent_requests: 1 },
    auditInMemory().audit,
  );
  const answers = [1, 2].map((id) => agent.ask(park(id)));
  const first = await parked.call(0);
  const cancel = request({ id: "c", method: "rpc.cancel", params: { id: "no such call" } });
  assertEquals((await agent.ask(cancel)).result, { cancelled: false });
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  assertEquals(parked.calls.length, 1, "the second call still waits for the only slot");
  first.finish(null);
  (await parked.call(1)).finish(null);
  await Promise.all(answers);
});

Deno.test("rpc.cancel is audited, and cancels while all slots are taken", async () => {
  const { audit, written } = auditInMemory();
  const obedient = new ObedientMethod("obey", { ownTimeout: true });
  const agent = new InProcessAgent(
    [obedient.method, rpcCancel],
    { max_concurrent_requests: 1 },
    audit,
  );
  const answers = [1, 2].map((id) => agent.ask(request({ id, method: "obey" })));
  await agent.exchange("[]");
  for (const id of [2, 1]) {
    const cancel = request({ id: `cancel ${id}`, method: "rpc.cancel", params: { id } });
    assertEquals((await within(agent.ask(cancel), "the cancelling")).result, { cancelled: true });
  }
  assertEquals((await Promise.all(answers)).map(({ error }) => error?.code), [-32000, -32000]);
  const events = written.map((line) => JSON.parse(line));
  assertEquals(
    events.map(({ event, what, target }) => [event, what, target?.id]),
    [["begin", 2], ["end", 2], ["begin", 1], ["end", 1]].map((
      [event, id],
    ) => [event, "rpc.cancel", id]),
  );
});
