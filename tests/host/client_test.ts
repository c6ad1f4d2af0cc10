import { assert, assertEquals, assertRejects } from "@std/assert";
import * as z from "zod";
import { AgentClient } from "../../host/client.ts";
import { AnswerError, CallError } from "../../host/errors.ts";
import type { Notification } from "../../host/incoming.ts";
import { TestAgent } from "../agent/_agent.ts";
import { timed, until } from "../_waiting.ts";
import { FakeAgent } from "./_fake_agent.ts";

Deno.test("AgentClient calls a real agent and resolves to the result", async () => {
  await using agent = await TestAgent.start();
  await using client = await agent.client();
  const result = await client.callUnchecked("ping");
  assert(z.safeParse(z.looseObject({ pong: z.literal(true) }), result).success);
  const executed = await client.callUnchecked("exec_command", { command: "echo", args: ["a"] });
  assertEquals(z.parse(z.looseObject({ stdout: z.string() }), executed).stdout, "a\n");
});

Deno.test("AgentClient rejects with the agent's error, as it came", async () => {
  await using agent = await TestAgent.start();
  await using client = await agent.client();
  const error = await assertRejects(() => client.callUnchecked("no_such_method"), AnswerError);
  assertEquals([error.code, error.message], [-32601, "Method not found"]);
  assert(z.safeParse(z.looseObject({ reason: z.string() }), error.data).success);
  assertEquals(JSON.parse(JSON.stringify(error)), {
    code: -32601,
    message: "Method not found",
    data: error.data,
  });
});

Deno.test("AgentClient's calls overlap on one connection to a real agent", async () => {
  await using agent = await TestAgent.start();
  await using client = await agent.client();
  const order: string[] = [];
  const note = (name: string) => () => void order.push(name);
  await Promise.all([
    client.callUnchecked("exec_command", { command: "sleep", args: ["0.4"] }).then(note("slow")),
    client.callUnchecked("ping").then(note("ping")),
    ...Array.from({ length: 50 }, () => client.callUnchecked("get_agent_info")),
  ]);
  assertEquals(order, ["ping", "slow"]);
  assertEquals(client.skipped, 0);
});

Deno.test("AgentClient passes on agent_ready of a real agent", async () => {
  await using agent = await TestAgent.start();
  const notifications: Notification[] = [];
  await using client = await agent.client({
    onNotification: (notification) => void notifications.push(notification),
  });
  await client.callUnchecked("ping");
  assertEquals(notifications, [
    { method: "agent_ready", params: { version: "1.0.0", platform: "linux" } },
  ]);
});

Deno.test("AgentClient ends the half line that an earlier client may have left in the channel", async () => {
  await using fake = await FakeAgent.start();
  await using client = await AgentClient.connect(fake.path);
  const call = client.callUnchecked("ping");
  const [request] = await fake.requests(1);
  assert(request !== undefined);
  await fake.answer(request, "pong");
  assertEquals(await call, "pong");
  assertEquals(fake.lines[0], "", "a newline comes before the first request");
});

Deno.test("AgentClient matches answers by their ids, whatever their order", async () => {
  await using fake = await FakeAgent.start();
  await using client = await AgentClient.connect(fake.path);
  const calls = ["a", "b", "c"].map((method) => client.callUnchecked(method));
  const requests = await fake.requests(3);
  assertEquals(new Set(requests.map(({ id }) => id)).size, 3);
  for (const request of requests.toReversed()) await fake.answer(request, request.method);
  assertEquals(await Promise.all(calls), ["a", "b", "c"]);
});

Deno.test("AgentClient's ids are unique to the connection", async () => {
  const ids: string[] = [];
  for (let round = 0; round < 2; round++) {
    await using fake = await FakeAgent.start();
    await using client = await AgentClient.connect(fake.path);
    const call = client.callUnchecked("ping");
    const [request] = await fake.requests(1);
    assert(request !== undefined);
    ids.push(request.id);
    await fake.answer(request, null);
    assertEquals(await call, null);
  }
  assertEquals(new Set(ids).size, 2);
});

Deno.test("AgentClient skips and counts lines that do not answer its calls", async () => {
  await using fake = await FakeAgent.start();
  const notifications: Notification[] = [];
  await using client = await AgentClient.connect(fake.path, {
    onNotification: (notification) => void notifications.push(notification),
  });
  const call = client.callUnchecked("ping");
  const [request] = await fake.requests(1);
  assert(request !== undefined);
  await fake.send("rest of somebody's line\n");
  await fake.send('{"jsonrpc":"2.0","result":"for somebody else","id":"other/1"}\n');
  await fake.send('{"jsonrpc":"2.0","result":"for somebody else","id":1}\n');
  await fake.send('{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}\n');
  await fake.send("[]\nnull\n17\n\n{}\n");
  await fake.send(new Uint8Array([0xff, 0xfe, 0x0a]));
  await fake.send('{"jsonrpc":"2.0","method":"agent_ready","params":{"version":"1.0.0"}}\n');
  await fake.answer(request, "mine");
  assertEquals(await call, "mine");
  assertEquals(notifications, [{ method: "agent_ready", params: { version: "1.0.0" } }]);
  assert(client.skipped >= 9, `${client.skipped} lines skipped`);
});

Deno.test("AgentClient reads answers that arrive in pieces, split within characters", async () => {
  await using fake = await FakeAgent.start();
  await using client = await AgentClient.connect(fake.path);
  const call = client.callUnchecked("ping");
  const [request] = await fake.requests(1);
  assert(request !== undefined);
  const line = `${JSON.stringify({ jsonrpc: "2.0", result: "é€😀", id: request.id })}\n`;
  for (const byte of new TextEncoder().encode(line)) await fake.send(new Uint8Array([byte]));
  assertEquals(await call, "é€😀");
});

Deno.test("AgentClient accepts results of null, false, 0 and empty text", async () => {
  await using fake = await FakeAgent.start();
  await using client = await AgentClient.connect(fake.path);
  for (const [index, result] of [null, false, 0, ""].entries()) {
    const call = client.callUnchecked("ping");
    const request = (await fake.requests(index + 1)).at(-1);
    assert(request !== undefined);
    await fake.answer(request, result);
    assertEquals(await call, result);
  }
});

Deno.test("AgentClient does not interleave large requests sent at the same time", async () => {
  await using fake = await FakeAgent.start();
  await using client = await AgentClient.connect(fake.path);
  const calls = ["a", "b", "c", "d"].map((letter) =>
    client.callUnchecked(letter, { text: letter.repeat(500_000) })
  );
  const requests = await fake.requests(4);
  for (const request of requests) {
    assertEquals(request.params, { text: request.method.repeat(500_000) });
    await fake.answer(request, request.method);
  }
  assertEquals(await Promise.all(calls), ["a", "b", "c", "d"]);
});

Deno.test("AgentClient times out after timeoutMs, and skips the late answer", async () => {
  await using fake = await FakeAgent.start();
  await using client = await AgentClient.connect(fake.path);
  const { ms } = await timed(() =>
    assertRejects(
      () => client.callUnchecked("slow", {}, { timeoutMs: 200 }),
      CallError,
      "no answer to slow within 0.2 s",
    )
  );
  assert(ms >= 190 && ms < 5000, `${ms} ms`);
  const [late] = await fake.requests(1);
  assert(late !== undefined);
  await fake.answer(late, "late");
  const call = client.callUnchecked("next");
  const request = (await fake.requests(2)).at(-1);
  assert(request !== undefined);
  await fake.answer(request, "in time");
  assertEquals(await call, "in time");
  assertEquals(client.skipped, 1);
});

Deno.test("AgentClient times out after timeoutMs even if the agent does not read", async () => {
  await using fake = await FakeAgent.start();
  fake.pause();
  await using client = await AgentClient.connect(fake.path);
  const large = { text: "x".repeat(8 * 1024 * 1024) };
  await assertRejects(
    () => client.callUnchecked("large", large, { timeoutMs: 200 }),
    CallError,
    "no answer",
  );
});

Deno.test("AgentClient stops waiting when its signal is aborted, before or during the call", async () => {
  await using fake = await FakeAgent.start();
  await using client = await AgentClient.connect(fake.path);
  const reason = new Error("enough");
  const before = client.callUnchecked("never sent", {}, { signal: AbortSignal.abort(reason) });
  assertEquals(await assertRejects(() => before), reason);
  const controller = new AbortController();
  const during = client.callUnchecked("sent", {}, { signal: controller.signal });
  const [request] = await fake.requests(1);
  assertEquals(request?.method, "sent");
  controller.abort(reason);
  assertEquals(await assertRejects(() => during), reason);
});

Deno.test("AgentClient rejects pending calls when the agent closes the connection", async () => {
  await using fake = await FakeAgent.start();
  await using client = await AgentClient.connect(fake.path);
  const calls = ["a", "b"].map((method) => client.callUnchecked(method));
  await fake.requests(2);
  await fake.hangUp();
  for (const call of calls) await assertRejects(() => call, CallError);
});

Deno.test("AgentClient rejects a call immediately after the agent has closed the connection", async () => {
  await using fake = await FakeAgent.start();
  await using client = await AgentClient.connect(fake.path);
  const first = client.callUnchecked("a");
  await fake.requests(1);
  await fake.hangUp();
  await assertRejects(() => first, CallError);
  const { ms } = await timed(() => assertRejects(() => client.callUnchecked("b"), CallError));
  assert(ms < 2000, `${ms} ms`);
});

Deno.test("AgentClient rejects a call immediately after the agent has closed its half only", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/s`;
    using listener = Deno.listen({ transport: "unix", path });
    const accepting = listener.accept();
    await using client = await AgentClient.connect(path);
    using connection = await accepting;
    await connection.closeWrite();
    const waiting = client.callUnchecked("a", {}, { timeoutMs: 5000 }).catch((error: unknown) =>
      error
    );
    assert(await waiting instanceof CallError);
    // Nothing will ever answer this one: reading has ended.
    const { ms } = await timed(() =>
      assertRejects(() => client.callUnchecked("b", {}, { timeoutMs: 5000 }), CallError)
    );
    assert(ms < 2000, `${ms} ms`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("AgentClient.close rejects pending calls, and can be called twice", async () => {
  await using fake = await FakeAgent.start();
  await using client = await AgentClient.connect(fake.path);
  const call = client.callUnchecked("ping");
  await fake.requests(1);
  const rejected = assertRejects(() => call, CallError);
  await client.close();
  await rejected;
  await client.close();
  await assertRejects(() => client.callUnchecked("ping"), CallError);
});

Deno.test("AgentClient.connect says why it cannot connect", async (t) => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/agent.sock`;
    await t.step("no such socket", async () => {
      await assertRejects(() => AgentClient.connect(path), CallError, "the socket does not exist");
    });
    await t.step("nobody serves it", async () => {
      const listener = Deno.listen({ transport: "unix", path: `${path}.new` });
      await Deno.rename(`${path}.new`, path);
      listener.close();
      await assertRejects(() => AgentClient.connect(path), CallError, "no process serves");
    });
    await t.step("no socket at all", async () => {
      await Deno.writeTextFile(`${directory}/file`, "");
      await assertRejects(() => AgentClient.connect(`${directory}/file`), CallError, "file");
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("AgentClient.sendRaw sends what call would not", async () => {
  await using agent = await TestAgent.start();
  await using client = await agent.client();
  await client.sendRaw("not JSON\n");
  await client.callUnchecked("ping");
  await until(() => client.skipped === 1, "the agent's error, which does not answer a call");
});

Deno.test("AgentClient.call rejects a result that does not match the method's schema", async (t) => {
  for (
    const result of [
      null,
      "pong",
      {},
      { pong: false, timestamp: 1 },
      { pong: true, timestamp: "now" },
      [{ pong: true, timestamp: 1 }],
    ]
  ) {
    await t.step(JSON.stringify(result), async () => {
      await using fake = await FakeAgent.start();
      await using client = await AgentClient.connect(fake.path);
      const call = client.call("ping");
      const [request] = await fake.requests(1);
      assert(request !== undefined);
      await fake.answer(request, result);
      const error = await assertRejects(() => call, CallError, "is invalid");
      assertEquals(error.reason, "invalid result");
    });
  }
});

Deno.test("AgentClient accepts one answer to a call, and skips a second", async () => {
  await using fake = await FakeAgent.start();
  await using client = await AgentClient.connect(fake.path);
  const call = client.callUnchecked("a");
  const [first] = await fake.requests(1);
  assert(first !== undefined);
  await fake.answer(first, "first");
  await fake.answer(first, "second");
  assertEquals(await call, "first");
  const next = client.callUnchecked("b");
  const second = (await fake.requests(2)).at(-1);
  assert(second !== undefined);
  await fake.answer(second, "b");
  assertEquals([await next, client.skipped], ["b", 1]);
});

Deno.test("AgentClient accepts a long answer, and skips a line over the limit", async (t) => {
  for (
    const [name, bytes, maxLineBytes, isTaken] of [
      ["64 KB", 64 * 1024, undefined, true],
      ["10 MB", 10 * 1024 * 1024, undefined, true],
      ["10 MB where 1 MB is the limit", 10 * 1024 * 1024, 1024 * 1024, false],
    ] as const
  ) {
    await t.step(name, async () => {
      await using fake = await FakeAgent.start();
      await using client = await AgentClient.connect(fake.path, { maxLineBytes });
      const long = client.callUnchecked("long", {}, { timeoutMs: isTaken ? 20_000 : 1000 });
      const [request] = await fake.requests(1);
      assert(request !== undefined);
      const sending = fake.answer(request, "x".repeat(bytes));
      if (isTaken) assertEquals(await long, "x".repeat(bytes));
      else await assertRejects(() => long, CallError, "no answer");
      await sending;
      const call = client.callUnchecked("after");
      const after = (await fake.requests(2)).at(-1);
      assert(after !== undefined);
      await fake.answer(after, "still here");
      assertEquals([await call, client.skipped], ["still here", isTaken ? 0 : 1]);
    });
  }
});

Deno.test("AgentClient reads a flood slowly, and finds the answer in it", async () => {
  await using fake = await FakeAgent.start();
  await using client = await AgentClient.connect(fake.path);
  const call = client.callUnchecked("ping");
  const [request] = await fake.requests(1);
  assert(request !== undefined);
  // More lines than are allowed in a second.
  await fake.send("garbage\n".repeat(3000));
  await fake.answer(request, "pong");
  const { value, ms } = await timed(() => call);
  assertEquals([value, client.skipped], ["pong", 3000]);
  assert(ms > 500 && ms < 15_000, `${ms} ms`);
});

Deno.test("AgentClient says whether a call may have been carried out when the connection ends", async () => {
  await using fake = await FakeAgent.start();
  const ends: CallError[] = [];
  await using client = await AgentClient.connect(fake.path, { onEnd: (why) => ends.push(why) });
  const call = client.callUnchecked("exec_command");
  await fake.requests(1);
  await fake.hangUp();
  const error = await assertRejects(() => call, CallError, "may have been carried out");
  assertEquals([error.reason, error.wasSent], ["connection lost", true]);
  const next = await assertRejects(() => client.callUnchecked("exec_command"), CallError);
  assertEquals(next.wasSent, false);
  assertEquals(ends.length, 1);
});

Deno.test("AgentClient has the guest stop an aborted call if cancelInGuest is set", async () => {
  await using agent = await TestAgent.start();
  await using client = await agent.client();
  const controller = new AbortController();
  const params = { command: "sleep", args: ["60"] };
  const options = { signal: controller.signal, cancelInGuest: true };
  const call = client.call("exec_command", params, options);
  // Its answer comes after the request before it has been read.
  await client.call("ping");
  controller.abort(new Error("enough"));
  await assertRejects(() => call, Error, "enough");
  await agent.logged(
    (line) => JSON.stringify(line).includes("exec_command"),
    "the end of the command",
  );
  await until(() => client.skipped === 1, "the answer to the aborted call");
});
