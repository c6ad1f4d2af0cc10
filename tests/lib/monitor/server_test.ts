import { assert, assertEquals, assertMatch } from "@std/assert";
import { until, within } from "../../_waiting.ts";
import { answerOf, type RawClient, ServedMonitor } from "./_socket.ts";

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

/** The bytes of Google's guest agent. */
const CONNECTION_ERROR = '{"Status":103,"StatusMessage":"Connection error"}';
const TIMEOUT = '{"Status":104,"StatusMessage":"Connection timeout before reading valid request"}';

Deno.test("a client that hangs up within its request, cut at any byte, is answered with 103", async () => {
  await using served = await ServedMonitor.start();
  for (let cut = 1; cut < bytes.byteLength; cut++) {
    const client = await served.connect();
    using _client = client;
    await client.send(bytes.subarray(0, cut));
    await client.hangUp();
    assertEquals(await client.rest(), CONNECTION_ERROR, `cut at ${cut}`);
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

Deno.test("a client that hangs up without a byte is answered with 103, and not logged", async () => {
  await using served = await ServedMonitor.start();
  const client = await served.connect();
  using _client = client;
  await client.hangUp();
  assertEquals(await client.rest(), CONNECTION_ERROR);
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
    ["garbage", "hello", /^a request begins with "\{"$/],
    ["garbage before a request", `x${REQUEST}`, /begins with/],
    ["a byte order mark", `\ufeff${REQUEST}`, /begins with/],
    ["an array", `[${REQUEST}]`, /begins with/],
    ["a closing brace", "}", /begins with/],
    ["NUL", "\0", /begins with/],
    ["no JSON", "{Name}", /^not JSON: /],
    ["a number as name", '{"Name":42}', /^Name must be a string, received 42$/],
    [
      "too many values",
      `{"A":[${"1,".repeat(20_000)}1]}`,
      /^the request has more than 6000 values$/,
    ],
  ] as const
) {
  Deno.test(`${what} is answered with 102 at once`, async () => {
    await using served = await ServedMonitor.start();
    const { Status, StatusMessage, Reason } = await served.ask(text);
    assertEquals([Status, StatusMessage], [102, "Could not parse valid JSON from request"]);
    assertMatch(String(Reason), reason);
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
    const { Status, Reason } = await served.ask(new Uint8Array(raw));
    assertEquals([Status, Reason], [102, "not UTF-8"]);
  }
});

Deno.test("__proto__ reaches the handler as the member that it is", async () => {
  await using served = await ServedMonitor.start();
  const text = '{"Name":"agent.Echo","__proto__":{"polluted":true}}';
  assertEquals(JSON.stringify((await served.ask(text)).Fields), text);
  assertEquals(Reflect.get({}, "polluted"), undefined);
});

for (
  const [what, text] of [
    ["no name", '{"A":1}'],
    ["an empty name", '{"Command":""}'],
    ["null as name", '{"Name":null}'],
    ["the name of no handler", '{"Command":"agent.Other","Name":"agent.Echo"}'],
    ["__proto__ with a name", '{"__proto__":{"Name":"agent.Echo"}}'],
  ] as const
) {
  Deno.test(`${what} is answered with 101, in the words of Google's guest agent`, async () => {
    await using served = await ServedMonitor.start();
    const { Status, StatusMessage } = await served.ask(text);
    assertEquals(
      [Status, StatusMessage],
      [101, "Could not find a handler for the requested command"],
    );
    assertEquals(served.received, []);
  });
}

Deno.test("a request of 576 KiB is served, one byte more is answered with 102", async () => {
  await using served = await ServedMonitor.start();
  const limit = 576 * 1024;
  const ofSize = (size: number) => {
    const empty = '{"Name":"agent.Big","A":""}';
    return empty.replace('""', `"${"x".repeat(size - empty.length)}"`);
  };
  let seen = 0;
  served.monitor.register("agent.Big", ({ text }) => {
    seen = text.length;
    return { Status: 0, StatusMessage: "" };
  });
  for (const size of [64 * 1024, 64 * 1024 + 1, limit]) {
    assertEquals((await served.ask(ofSize(size))).Status, 0);
    assertEquals(seen, size);
  }
  const { Status, Reason } = await served.ask(ofSize(limit + 1));
  assertEquals([Status, Reason], [102, `the request has more than ${limit} bytes`]);
});

Deno.test("a request that is not complete in time is answered with 104, and with nothing more", async () => {
  await using served = await ServedMonitor.start({ limits: { requestTimeoutMs: 100 } });
  for (const text of ["", "{", '{"Name":"agent.Echo"']) {
    const client = await served.connect();
    using _client = client;
    if (text !== "") await client.send(text);
    assertEquals(await client.rest(), TIMEOUT);
  }
});

Deno.test("the time for a request counts from its start: sending byte by byte does not extend it", async () => {
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

Deno.test("an answer over 64 KiB, or one that JSON cannot represent, is 106", async () => {
  await using served = await ServedMonitor.start();
  const ok = { Status: 0, StatusMessage: "" };
  served.monitor.register("agent.Huge", () => ({ ...ok, More: "ä".repeat(40_000) }));
  served.monitor.register("agent.BigInt", () => ({ ...ok, More: 1n }));
  const { StatusMessage, ...huge } = await served.ask('{"Name":"agent.Huge"}');
  assertMatch(StatusMessage, /^The command server encountered an internal error/);
  assertEquals(huge, { Status: 106, Reason: "the answer has more than 65536 bytes" });
  const { Status, Reason } = await served.ask('{"Name":"agent.BigInt"}');
  assertEquals([Status, Reason], [106, "the handler's result cannot be written as JSON"]);
  const [fault] = served.log.of("the handler's result cannot be written as JSON");
  assertEquals(fault?.level, "error");
  assertMatch(String(fault?.fields.error), /BigInt/);
});

Deno.test("a client that never reads its answer is disconnected when its time is over", async () => {
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

/** Connects clients that have sent half of a request. */
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

Deno.test("a client is served while 99 others are slow", async () => {
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

Deno.test("new limits hold for clients that connect from then on", async () => {
  await using served = await ServedMonitor.start({
    limits: { maxConnections: 1, requestTimeoutMs: 600_000 },
  });
  const slow = await connectSlow(served, 1);
  const waiting = served.ask(REQUEST);
  served.server.limits = { requestTimeoutMs: 100, handlerTimeoutSeconds: 1, maxConnections: 3 };
  assertEquals((await within(waiting, "the one that waits")).Status, 0);
  assertEquals((await served.ask("{")).Status, 104);
  for (const client of slow) client[Symbol.dispose]();
});

Deno.test("close() removes the socket, answers running commands and accepts no more clients", async () => {
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
  Deno.test(`a socket file that is ${how} while the server runs is created again`, async () => {
    await using served = await ServedMonitor.start({ watchMs: 20 });
    assertEquals((await served.ask(REQUEST)).Status, 0);
    await remove(served.path);
    await until(() => Deno.lstat(served.path).then(() => true, () => false), "a new socket");
    assertEquals((await served.ask(REQUEST)).Status, 0);
    const message = "recreated the command monitor's socket, which had been removed";
    await until(() => served.log.of(message).length > 0, "the log to tell it");
    assertEquals(served.log.of(message).length, 1);
  });
}

Deno.test("a socket whose file was replaced is reported once, and the other file left alone", async () => {
  await using served = await ServedMonitor.start({ watchMs: 5 });
  await Deno.remove(served.path);
  await Deno.writeTextFile(served.path, "mine");
  const message = "cannot recreate the command monitor's socket";
  await until(() => served.log.of(message).length > 0, "the log to tell it");
  await until(() => served.opened >= 5, "more attempts");
  const [line, ...more] = served.log.of(message);
  assertEquals(more, []);
  assertMatch(String(line?.fields.error), /exists and is not a socket/);
  await served.close();
  assertEquals(await Deno.readTextFile(served.path), "mine");
});

Deno.test("the log has name, status and time of each command, and none of its other members", async () => {
  await using served = await ServedMonitor.start();
  served.monitor.register("agent.Refuse", () => {
    throw new Error("the event must be nice, received SECRET");
  });
  await served.ask('{"Name":"agent.Echo","A":"SECRET"}');
  await served.ask('{"Name":"agent.Refuse"}');
  await served.ask('{"Name":5,"A":"SECRET"}');
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

for (
  const [what, request] of [
    ["refused", "x"],
    ["failed", '{"Name":"agent.Fail"}'],
    ["broken", '{"Name":"agent.Break"}'],
    ["successful", '{"Name":"agent.Echo"}'],
  ] as const
) {
  Deno.test(`a flood of ${what} commands does not flood the log, and is counted there`, async () => {
    await using served = await ServedMonitor.start();
    served.monitor.register("agent.Fail", () => ({ Status: 7, StatusMessage: "no" }));
    served.monitor.register("agent.Break", () => {
      throw new TypeError("broken");
    });
    const seconds = await timed(async () => {
      for (let round = 0; round < 3; round++) {
        await Promise.all(Array.from({ length: 100 }, () => served.ask(request)));
      }
    });
    const lines = served.log.lines.length;
    // Each of the two rates lets ten lines through at first and ten a second; some are two lines.
    assert(lines <= 2 * 10 * (1 + seconds) + 10, `${lines} lines in ${seconds} s`);
    const counted = () => served.log.of("too many commands; some were not logged");
    await until(async () => {
      await served.ask(request);
      return counted().length > 0;
    }, "the count");
    assert(Number(counted()[0]?.fields.count) > 0);
  });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
