import { assert, assertEquals, assertMatch } from "@std/assert";
import { answerOf, type RawClient, ServedMonitor } from "./_socket.ts";
import { until, within } from "../../_waiting.ts";

const REQUEST = '{"Name":"agent.Echo","A":"}{\\"\\\\","B":[{"C":{}}],"D":"ä𝄞"}';
const bytes = new TextEncoder().encode(REQUEST);

Deno.test("a request is answered and the connection closed, with no newline needed", async () => {
  await using served = await ServedMonitor.start();
  assertEquals(await served.ask(REQUEST), {
    Status: 0,
    StatusMessage: "",
    Fields: JSON.parse(REQUEST),
  });
  assertEquals(served.received, [JSON.parse(REQUEST)]);
});

Deno.test("a request that comes in two pieces, cut at any byte, is answered", async () => {
  await using served = await ServedMonitor.start();
  for (let cut = 1; cut < bytes.byteLength; cut++) {
    const answer = await served.ask(bytes.subarray(0, cut), bytes.subarray(cut));
    assertEquals(answer.Status, 0, `cut at ${cut}`);
  }
  assertEquals(served.received.length, bytes.byteLength - 1);
});

Deno.test("a request that comes byte by byte is answered", async () => {
  await using served = await ServedMonitor.start();
  const pieces = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
  assertEquals((await served.ask(...pieces)).Status, 0);
});

Deno.test("a client that hangs up within its request, cut at any byte, is answered with 103", async () => {
  await using served = await ServedMonitor.start();
  for (let cut = 1; cut < bytes.byteLength; cut++) {
    const client = await served.connect();
    using _client = client;
    await client.send(bytes.subarray(0, cut));
    await client.hangUp();
    const { Status, StatusMessage } = answerOf(await client.rest());
    assertEquals([Status, StatusMessage], [
      103,
      "Connection error: it ended within the request",
    ], `cut at ${cut}`);
  }
  assertEquals(served.received, []);
});

Deno.test("a client that vanishes within its request, cut at any byte, harms nobody", async () => {
  await using served = await ServedMonitor.start({ limits: { maxConnections: 1 } });
  for (let cut = 0; cut <= bytes.byteLength; cut++) {
    const client = await served.connect();
    if (cut > 0) await client.send(bytes.subarray(0, cut));
    client[Symbol.dispose]();
  }
  assertEquals((await served.ask(REQUEST)).Status, 0);
});

Deno.test("a connection without a word is nothing to be answered", async () => {
  await using served = await ServedMonitor.start();
  const client = await served.connect();
  using _client = client;
  await client.hangUp();
  assertEquals(await client.rest(), "");
  assertEquals(served.log.of("command"), []);
});

for (
  const [what, more] of [
    ["a second request", REQUEST],
    ["a second request on a line of its own", `\n${REQUEST}\n`],
    ["a newline", "\n"],
    ["garbage", "}}}]]] \0\xff"],
    ["a million bytes", "x".repeat(1_000_000)],
  ] as const
) {
  Deno.test(`one request is answered on a connection, whatever comes after it: ${what}`, async () => {
    await using served = await ServedMonitor.start();
    assertEquals((await served.ask(REQUEST + more)).Status, 0);
    assertEquals(served.received.length, 1);
  });
}

Deno.test("a second request that comes after the answer gets none, and the answer is not lost", async () => {
  await using served = await ServedMonitor.start();
  const client = await served.connect();
  using _client = client;
  await client.send(REQUEST);
  await until(() => served.received.length === 1, "the first request");
  await client.send(REQUEST);
  assertEquals(answerOf(await client.rest()).Status, 0);
  assertEquals(served.received.length, 1);
});

for (
  const [what, text, reason] of [
    ["garbage", "hello", /^Bad request: a request begins with "\{"$/],
    ["garbage before a request", `x${REQUEST}`, /begins with/],
    ["a byte order mark", `\ufeff${REQUEST}`, /begins with/],
    ["an array", `[${REQUEST}]`, /begins with/],
    ["a closing brace", "}", /begins with/],
    ["NUL", "\0", /begins with/],
    ["no JSON", "{Name}", /^Bad request: not JSON: /],
    ["no name", '{"name":"agent.Echo"}', /^Bad request: there is no "Name"$/],
    ["two names", '{"Name":"agent.Echo","Command":"agent.Other"}', /differ/],
    ["a number as name", '{"Name":42}', /received 42$/],
    ["__proto__ with a name", '{"__proto__":{"Name":"agent.Echo"}}', /there is no "Name"/],
  ] as const
) {
  Deno.test(`${what} is answered with 102 at once`, async () => {
    await using served = await ServedMonitor.start();
    const { Status, StatusMessage } = await served.ask(text);
    assertEquals(Status, 102);
    assertMatch(StatusMessage, reason);
    assertEquals(served.received, []);
    assertEquals((await served.ask(REQUEST)).Status, 0, "the next one is served");
  });
}

Deno.test("invalid UTF-8 is answered with 102, within a string and outside of one", async () => {
  await using served = await ServedMonitor.start();
  const encode = (text: string) => [...new TextEncoder().encode(text)];
  for (
    const raw of [
      [...encode('{"Name":"agent.Echo","A":"'), 0xff, ...encode('"}')],
      [...encode('{"Name":"agent.Echo",'), 0xfe, ...encode('"A":1}')],
      [...encode('{"Name":"agent.Echo","A":"'), 0xed, 0xa0, 0x80, ...encode('"}')],
    ]
  ) {
    const { Status, StatusMessage } = await served.ask(new Uint8Array(raw));
    assertEquals([Status, StatusMessage], [102, "Bad request: not UTF-8"]);
  }
});

Deno.test("__proto__ reaches the handler as the member that it is", async () => {
  await using served = await ServedMonitor.start();
  const text = '{"Name":"agent.Echo","__proto__":{"polluted":true}}';
  assertEquals(JSON.stringify((await served.ask(text)).Fields), text);
  assertEquals(Reflect.get({}, "polluted"), undefined);
});

Deno.test("a request of 64 KiB is served, one byte more is answered with 102", async () => {
  await using served = await ServedMonitor.start();
  const limit = 64 * 1024;
  const ofSize = (size: number) => {
    const empty = '{"Name":"agent.Big","A":""}';
    return empty.replace('""', `"${"x".repeat(size - empty.length)}"`);
  };
  let seen = 0;
  served.monitor.register("agent.Big", ({ text }) => {
    seen = text.length;
    return { Status: 0, StatusMessage: "" };
  });
  assertEquals((await served.ask(ofSize(limit))).Status, 0);
  assertEquals(seen, limit);
  for (const size of [limit + 1, 10 * limit]) {
    const { Status, StatusMessage } = await served.ask(ofSize(size));
    assertEquals([Status, StatusMessage], [102, `Bad request: the request is over ${limit} bytes`]);
  }
});

Deno.test("no whole request in time is answered with 104", async () => {
  await using served = await ServedMonitor.start({ limits: { requestTimeoutMs: 100 } });
  for (const text of ["", "{", '{"Name":"agent.Echo"']) {
    const client = await served.connect();
    using _client = client;
    if (text !== "") await client.send(text);
    assertEquals(answerOf(await client.rest()), {
      Status: 104,
      StatusMessage: "Timeout before a whole request: nothing whole came within 100 ms",
    });
  }
});

Deno.test("the time for a request is counted from its beginning: single bytes gain none", async () => {
  await using served = await ServedMonitor.start({ limits: { requestTimeoutMs: 200 } });
  const client = await served.connect();
  using _client = client;
  let isAnswered = false;
  const answering = client.rest().finally(() => isAnswered = true);
  await client.send('{"A":"');
  while (!isAnswered) {
    // The server may have closed the connection since.
    await client.send("x").catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assertEquals(answerOf(await answering).Status, 104);
});

Deno.test("an answer over 64 KiB, or none that JSON can say, is 106", async () => {
  await using served = await ServedMonitor.start();
  const ok = { Status: 0, StatusMessage: "" };
  served.monitor.register("agent.Huge", () => ({ ...ok, More: "ä".repeat(40_000) }));
  served.monitor.register("agent.BigInt", () => ({ ...ok, More: 1n }));
  assertMatch(
    (await served.ask('{"Name":"agent.Huge"}')).StatusMessage,
    /the answer is over 65536/,
  );
  const { Status, StatusMessage } = await served.ask('{"Name":"agent.BigInt"}');
  assertEquals([Status, StatusMessage], [106, "Internal error: the handler's result is no JSON"]);
});

Deno.test("a client that never reads its answer is closed upon when its time is over", async () => {
  const limits = { requestTimeoutMs: 200, maxConnections: 1 };
  await using served = await ServedMonitor.start({ limits });
  // With less room in the socket than an answer takes there would be nothing to wait for.
  served.monitor.register("agent.Huge", () => ({
    Status: 0,
    StatusMessage: "",
    More: "x".repeat(65_000),
  }));
  const lazy = await served.connect();
  using _lazy = lazy;
  await lazy.send('{"Name":"agent.Huge"}');
  assertEquals((await served.ask(REQUEST)).Status, 0, "the only place is free again");
});

/** Connects so many clients that have said half of what they want. */
async function connectSlow(served: ServedMonitor, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let number = 0; number < count; number++) {
    const client = await served.connect();
    await client.send(bytes.subarray(0, 10));
    clients.push(client);
  }
  return clients;
}

Deno.test("max_connections are served at once, one more waits until a place is free", async () => {
  await using served = await ServedMonitor.start({ limits: { maxConnections: 3 } });
  const [first, ...others] = await connectSlow(served, 3);
  let isAnswered = false;
  const waiting = served.ask(REQUEST).finally(() => isAnswered = true);
  // The others are served meanwhile, one byte after the other.
  for (const byte of bytes.subarray(10)) await first?.send(new Uint8Array([byte]));
  assertEquals(isAnswered, false);
  assertEquals(answerOf(await first?.rest() ?? "").Status, 0);
  first?.[Symbol.dispose]();
  assertEquals((await within(waiting, "the one that waits")).Status, 0);
  for (const client of others) client[Symbol.dispose]();
});

Deno.test("99 slow clients keep nobody else from being answered", async () => {
  await using served = await ServedMonitor.start();
  const slow = await connectSlow(served, 99);
  for (let round = 0; round < 20; round++) {
    for (const client of slow) if (round % 5 === 0) await client.send(" ");
    assertEquals((await served.ask(REQUEST)).Status, 0);
  }
  for (const client of slow) client[Symbol.dispose]();
});

Deno.test("a hundred large requests at once are all served", async () => {
  await using served = await ServedMonitor.start();
  served.monitor.register("agent.Big", ({ text }) => ({
    Status: 0,
    StatusMessage: `${text.length}`,
  }));
  const answers = await Promise.all(Array.from({ length: 100 }, (_, number) => {
    const text = JSON.stringify({ Name: "agent.Big", A: "y".repeat(30_000 + number) });
    return served.ask(text.slice(0, 2000), text.slice(2000)).then((answer) =>
      answer.StatusMessage === `${text.length}`
    );
  }));
  assertEquals(answers.every((isRight) => isRight), true);
});

Deno.test("slow clients with large requests give way to others when their time is over", async () => {
  await using served = await ServedMonitor.start({ limits: { requestTimeoutMs: 300 } });
  const slow = await Promise.all(Array.from({ length: 40 }, async () => {
    const client = await served.connect();
    await client.send(`{"A":"${"x".repeat(2000)}`);
    return client;
  }));
  assertEquals((await served.ask(REQUEST)).Status, 0, "a small one waits for none of them");
  for (const client of slow) {
    assertEquals(answerOf(await client.rest()).Status, 104);
    client[Symbol.dispose]();
  }
  const text = JSON.stringify({ Name: "agent.Echo", A: "x".repeat(5000) });
  assertEquals((await served.ask(text)).Status, 0);
});

Deno.test("limits that change hold for who comes next", async () => {
  await using served = await ServedMonitor.start({ limits: { maxConnections: 1 } });
  const slow = await connectSlow(served, 1);
  const waiting = served.ask(REQUEST);
  served.server.limits = { requestTimeoutMs: 100, handlerTimeoutSeconds: 1, maxConnections: 3 };
  assertEquals((await within(waiting, "the one that waits")).Status, 0);
  assertEquals((await served.ask("{")).Status, 104);
  for (const client of slow) client[Symbol.dispose]();
});

Deno.test("close() removes the socket, answers what is under way and lets nobody else in", async () => {
  await using served = await ServedMonitor.start();
  let hasBegun = false;
  served.monitor.register("agent.Never", () => {
    hasBegun = true;
    return new Promise(() => {});
  });
  const running = served.ask('{"Name":"agent.Never"}');
  await until(() => hasBegun, "the handler to begin");
  const slow = await connectSlow(served, 1);
  await within(served.close(), "the end of the server");
  assertEquals(await running, { Status: 105, StatusMessage: "the agent is stopping" });
  for (const client of slow) client[Symbol.dispose]();
  assertEquals(await Deno.lstat(served.path).catch((error) => error.name), "NotFound");
});

Deno.test("a server that was not started can be closed", async () => {
  await using served = await ServedMonitor.make();
  await served.close();
});

for (
  const [how, remove] of [
    ["removed", (path: string) => Deno.remove(path)],
    ["renamed", (path: string) => Deno.rename(path, `${path}.old`)],
    [
      "removed with its directory",
      (path: string) => Deno.remove(path.replace(/\/[^/]*$/, ""), { recursive: true }),
    ],
  ] as const
) {
  Deno.test(`a socket file that is ${how} while the server runs is made anew`, async () => {
    await using served = await ServedMonitor.start({ watchMs: 20 });
    assertEquals((await served.ask(REQUEST)).Status, 0);
    await remove(served.path);
    await until(() => Deno.lstat(served.path).then(() => true, () => false), "a new socket");
    assertEquals((await served.ask(REQUEST)).Status, 0);
    const message = "the command monitor's socket was gone and has been made anew";
    await until(() => served.log.of(message).length > 0, "the log to tell it");
    assertEquals(served.log.of(message).length, 1);
  });
}

Deno.test("a socket whose place another file has taken is reported once, the file left alone", async () => {
  await using served = await ServedMonitor.start({ watchMs: 5 });
  await Deno.remove(served.path);
  await Deno.writeTextFile(served.path, "mine");
  const message = "the command monitor's socket is gone and cannot be made anew";
  await until(() => served.log.of(message).length > 0, "the log to tell it");
  await new Promise((resolve) => setTimeout(resolve, 50));
  const [line, ...more] = served.log.of(message);
  assertEquals(more, []);
  assertMatch(String(line?.fields.error), /exists and is no socket; it is left alone/);
  await served.close();
  assertEquals(await Deno.readTextFile(served.path), "mine");
});

Deno.test("the log has name, status and time of each command, and never what came with it", async () => {
  await using served = await ServedMonitor.start();
  served.monitor.register("agent.Refuse", () => {
    throw new Error("the event must be nice, received SECRET");
  });
  await served.ask('{"Name":"agent.Echo","A":"SECRET"}');
  await served.ask('{"Name":"agent.Refuse"}');
  await served.ask('{"Name":"SECRET"} '.replace("SECRET", ""));
  await served.ask("{SECRET}");
  const lines = served.log.of("command").map(({ fields }) => fields);
  assertEquals(lines.map(({ name, status }) => [name, status]), [
    ["agent.Echo", 0],
    ["agent.Refuse", 105],
    [undefined, 102],
    [undefined, 102],
  ]);
  assertEquals(lines[1]?.reason, "the event must be nice");
  assert(lines.every(({ ms }) => typeof ms === "number"));
  assert(!JSON.stringify(lines).includes("SECRET"));
});

Deno.test("a flood of refused commands does not flood the log", async () => {
  await using served = await ServedMonitor.start();
  await Promise.all(Array.from({ length: 60 }, () => served.ask("x")));
  const count = served.log.of("command").length;
  assert(count < 30, `${count} lines`);
});
