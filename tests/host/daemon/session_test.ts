import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as z from "zod";
import { until } from "../../_waiting.ts";
import { answerWell, errorLine, resultLine, type ScriptedRequest } from "../_scripted_agent.ts";
import { RawClient, TestHostd } from "./_hostd.ts";

const NOT_HERE = -32011;
const UNKNOWN = -32013;

/** What is sent, and the code of the answer. */
const MALFORMED: readonly (readonly [string, string | Uint8Array, number])[] = [
  ["not JSON", "{", -32700],
  ["a byte order mark", '\ufeff{"jsonrpc":"2.0","method":"ping","id":1}', -32700],
  ["not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), -32700],
  ["a number", "1", -32600],
  ["null", "null", -32600],
  ["an empty batch", "[]", -32600],
  ["a batch of 101", JSON.stringify(Array(101).fill(1)), -32600],
  ["another version", '{"jsonrpc":"1.0","method":"ping","id":1}', -32600],
  ["no method", '{"jsonrpc":"2.0","id":1,"vm":"vm1"}', -32600],
  ["a method that is a number", '{"jsonrpc":"2.0","method":1,"id":1}', -32600],
  ["an id that is an object", '{"jsonrpc":"2.0","method":"ping","vm":"vm1","id":{}}', -32600],
  ["an unknown member", '{"jsonrpc":"2.0","method":"ping","vm":"vm1","x":1,"id":1}', -32600],
  [
    "params that are a string",
    '{"jsonrpc":"2.0","method":"ping","vm":"vm1","params":"","id":1}',
    -32600,
  ],
  ["no VM", '{"jsonrpc":"2.0","method":"ping","id":1}', -32600],
  ["an empty VM", '{"jsonrpc":"2.0","method":"ping","vm":"","id":1}', -32600],
  ["a VM that is an object", '{"jsonrpc":"2.0","method":"ping","vm":{},"id":1}', -32600],
  ["an unknown VM", '{"jsonrpc":"2.0","method":"ping","vm":"../vm1","id":1}', NOT_HERE],
  [
    "a VM named like a property",
    '{"jsonrpc":"2.0","method":"ping","vm":"__proto__","id":1}',
    NOT_HERE,
  ],
  ["a method nobody has", '{"jsonrpc":"2.0","method":"constructor","id":1}', -32601],
  [
    "wrong parameters of its own method",
    '{"jsonrpc":"2.0","method":"vm_list","params":{"x":1},"id":1}',
    -32602,
  ],
  [
    "a cursor of something else",
    '{"jsonrpc":"2.0","method":"vm_watch","params":{"cursor":"e1.0.1"},"id":1}',
    -32602,
  ],
  [
    "too many values",
    `{"jsonrpc":"2.0","method":"ping","vm":"vm1","params":{"x":[${"0,".repeat(7000)}0]},"id":1}`,
    -32600,
  ],
  ["too long a line", `{"x":"${"x".repeat(16 * 1024 * 1024)}"}`, -32600],
  [
    "a cancellation without an id",
    '{"jsonrpc":"2.0","method":"rpc.cancel","params":{},"id":1}',
    -32600,
  ],
];

Deno.test("hostd refuses what is not a request, and goes on", async (t) => {
  await using hostd = await TestHostd.start("vm1");
  await using client = await RawClient.connect(hostd.socket);
  for (const [what, sent, code] of MALFORMED) {
    await t.step(what, async () => {
      const index = client.lines.length;
      await client.send(sent);
      await client.send("\r\n");
      assertEquals((await client.answer(index)).error?.code, code);
      assert((await client.ask({ method: "ping", vm: "vm1" })).result !== undefined);
    });
  }
  await t.step("deeply nested JSON", async () => {
    const index = client.lines.length;
    const nested = `${"[".repeat(5000)}${"]".repeat(5000)}`;
    await client.send(
      `{"jsonrpc":"2.0","method":"x","vm":"vm1","params":{"x":${nested}},"id":1}\n`,
    );
    assert((await client.answer(index)).error !== undefined);
  });
  assertEquals(hostd.problems, []);
});

Deno.test("hostd answers a batch as one, and its notifications not at all", async () => {
  await using hostd = await TestHostd.start("vm1");
  await using client = await RawClient.connect(hostd.socket);
  await client.send(`${
    JSON.stringify([
      { jsonrpc: "2.0", method: "ping", vm: "vm1", id: 1 },
      { jsonrpc: "2.0", method: "ping", vm: "vm1" },
      { jsonrpc: "2.0", method: "ping", vm: "none", id: 2 },
      1,
    ])
  }\n`);
  await until(() => client.lines.length > 0, "the answer");
  const answers = z.parse(
    z.array(z.looseObject({ id: z.unknown() })),
    JSON.parse(client.lines[0] ?? ""),
  );
  assertEquals(answers.map(({ id }) => JSON.stringify(id)).sort(), ["1", "2", "null"]);
});

Deno.test("hostd answers what is in flight as unknown when it ends", async () => {
  await using hostd = await TestHostd.start("vm1");
  const agent = hostd.agent("vm1");
  agent.answerer = () => undefined;
  await using client = await RawClient.connect(hostd.socket);
  await client.request({ method: "exec_command", vm: "vm1", id: 1 });
  await until(() => agent.requests.some(({ method }) => method === "exec_command"), "the call");
  await hostd.host.close();
  assertEquals((await client.answer(0)).error?.code, UNKNOWN);
});

Deno.test("hostd puts a call off that an agent refused for its rate, and makes it again", async () => {
  await using hostd = await TestHostd.start("vm1");
  let refusals = 3;
  hostd.agent("vm1").answerer = (request) => {
    if (request.method !== "ping" || refusals-- <= 0) return answerWell(request);
    const error = { code: -32004, message: "Too many", data: { reason: "x", retry_after_ms: 5 } };
    return { text: `${JSON.stringify({ jsonrpc: "2.0", error, id: request.id })}\n` };
  };
  await using client = await RawClient.connect(hostd.socket);
  assert((await client.ask({ method: "ping", vm: "vm1" })).result !== undefined);
});

Deno.test("hostd serves clients in turns: one with a thousand calls delays another by one", async () => {
  await using hostd = await TestHostd.start("vm1");
  const agent = hostd.agent("vm1");
  const held: ScriptedRequest[] = [];
  agent.answerer = (request) => {
    if (request.method !== "file_stat") return answerWell(request);
    held.push(request);
    return undefined;
  };
  await using greedy = await RawClient.connect(hostd.socket);
  await using modest = await RawClient.connect(hostd.socket);
  for (let id = 0; id < 900; id++) await greedy.request({ method: "file_stat", vm: "vm1", id });
  await until(() => held.length === 16, "the VM's slots to be full");
  await modest.request({ method: "file_stat", vm: "vm1", params: { path: "modest" }, id: 1 });
  // Its request has arrived when a later one on the same connection is answered.
  await modest.ask({ method: "hostd_info" });
  const [first, second] = held;
  for (const request of [first, second]) {
    if (request !== undefined) await agent.send(errorLine(request, -32002, "none"));
  }
  await until(() => held.length === 18, "two more calls");
  assert(held.slice(16).some(({ params }) => params !== undefined));
});

Deno.test("hostd refuses more calls of one client than it may have", async () => {
  await using hostd = await TestHostd.start("vm1");
  hostd.agent("vm1").answerer = () => undefined;
  await using client = await RawClient.connect(hostd.socket);
  for (let id = 0; id < 1000; id++) await client.request({ method: "file_stat", vm: "vm1", id });
  const { error } = await client.ask({ method: "file_stat", vm: "vm1" });
  assertEquals([error?.code, error?.data.retry_after_ms], [-32004, 100]);
});

Deno.test("hostd drops the calls of a client that goes away in the middle of them", async () => {
  await using hostd = await TestHostd.start("vm1");
  const agent = hostd.agent("vm1");
  agent.answerer = (request) => request.method === "file_stat" ? undefined : answerWell(request);
  {
    await using client = await RawClient.connect(hostd.socket);
    for (let id = 0; id < 100; id++) await client.request({ method: "file_stat", vm: "vm1", id });
    await until(() => agent.requests.length > 16, "calls");
  }
  await using other = await RawClient.connect(hostd.socket);
  await until(async () => {
    const { result } = await other.ask({ method: "hostd_info" });
    const { calls_in_flight, clients } = z.parse(
      z.looseObject({ calls_in_flight: z.number(), clients: z.number() }),
      result,
    );
    return calls_in_flight === 0 && clients === 1;
  }, "the calls to end");
  // The slots of the VM are free again.
  assert((await other.ask({ method: "ping", vm: "vm1" })).result !== undefined);
});

Deno.test("hostd stops reading from a client that does not read, and serves the others", async () => {
  await using hostd = await TestHostd.start("vm1");
  const text = "x".repeat(900_000);
  hostd.agent("vm1").answerer = (request) =>
    request.method === "file_read" ? { text: resultLine(request, { text }) } : answerWell(request);
  await using deaf = await RawClient.connect(hostd.socket, false);
  let sent = 0;
  const flooding = (async () => {
    for (;; sent++) {
      await deaf.request({ method: "file_read", vm: "vm1", id: sent, pad: undefined });
      await deaf.send(`${" ".repeat(8000)}\n`);
    }
  })().catch(() => {});
  let before = -1;
  // Its writes block once the kernel's buffers are full.
  await until(async () => {
    const isStuck = before === sent && sent > 0;
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return isStuck;
  }, "the flood to be stopped");
  await using other = await RawClient.connect(hostd.socket);
  assert((await other.ask({ method: "ping", vm: "vm1" })).result !== undefined);
  deaf.close();
  await flooding;
});

Deno.test("hostd keeps a half line of one client, and serves the others meanwhile", async () => {
  await using hostd = await TestHostd.start("vm1");
  await using half = await RawClient.connect(hostd.socket);
  await half.send('{"jsonrpc":"2.0","method":"pi');
  await using other = await RawClient.connect(hostd.socket);
  for (let round = 0; round < 100; round++) {
    assert((await other.ask({ method: "ping", vm: "vm1" })).result !== undefined);
  }
  await half.send('ng","vm":"vm1","id":1}\n');
  assert((await half.answer(0)).result !== undefined);
});

Deno.test("hostd cuts off the client with the most half lines when all take too much", async () => {
  await using hostd = await TestHostd.start("vm1");
  await using stack = new AsyncDisposableStack();
  const big = new Uint8Array(15 * 1024 * 1024).fill(0x20);
  const clients: RawClient[] = [];
  while (hostd.problems.length === 0 && clients.length < 30) {
    const client = stack.use(await RawClient.connect(hostd.socket));
    clients.push(client);
    await client.send(big).catch(() => {});
  }
  await until(() => clients.some(({ hasEnded }) => hasEnded), "one to be cut off");
  assertStringIncludes(hostd.problems[0] ?? "", "disconnected");
  await using other = await RawClient.connect(hostd.socket);
  assert((await other.ask({ method: "ping", vm: "vm1" })).result !== undefined);
});

Deno.test("hostd serves a thousand clients, and tells those beyond its limit", async () => {
  await using hostd = await TestHostd.start("vm1");
  await using stack = new AsyncDisposableStack();
  const clients: RawClient[] = [];
  for (let count = 0; count < 1024; count++) {
    clients.push(stack.use(await RawClient.connect(hostd.socket)));
  }
  const answers = await Promise.all(
    clients.map((client) => client.ask({ method: "ping", vm: "vm1" })),
  );
  assert(answers.every(({ result }) => result !== undefined));
  await using late = await RawClient.connect(hostd.socket);
  assertEquals((await late.answer(0)).error?.code, -32004);
  await until(() => late.hasEnded, "the end");
  clients[0]?.close();
  await until(async () => {
    await using next = await RawClient.connect(hostd.socket);
    return (await next.ask({ method: "vm_list" })).result !== undefined;
  }, "room for one more");
});
