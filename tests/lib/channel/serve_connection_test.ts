import { assert, assertEquals } from "@std/assert";
import { HostLink } from "../../../lib/channel/host_link.ts";
import { serveConnection } from "../../../lib/channel/serve_connection.ts";
import { JsonRpcDialect } from "../../../lib/dialects/jsonrpc/dialect.ts";
import type { Method } from "../../../lib/core/method.ts";
import { configWith } from "../_helpers.ts";
import {
  answerOf,
  anyMethod,
  InProcessAgent,
  ObedientMethod,
  ParkedMethod,
  request,
} from "../core/_host.ts";
import { FakeConnection } from "./_fake_connection.ts";
import { until, within } from "../../_waiting.ts";

const LIMIT_BYTES = 1024;
const echo = anyMethod("echo", ({ value }) => value ?? null);
const echoLine = (id: number | string, value: unknown = null) =>
  `${request({ id, method: "echo", params: { value } })}\n`;

interface SessionOptions {
  readonly link?: HostLink;
  readonly ready?: Readonly<Record<string, unknown>>;
  readonly limitBytes?: number;
}

/** A served connection on which a test plays the host. */
class TestSession {
  readonly agent: InProcessAgent;
  readonly stopping = new AbortController();
  readonly ended: Promise<{ drained: Promise<void> }>;

  constructor(
    readonly connection: FakeConnection,
    methods: readonly Method[] = [echo],
    { link, ready, limitBytes = LIMIT_BYTES }: SessionOptions = {},
  ) {
    this.agent = new InProcessAgent(methods, { max_message_size_kb: limitBytes / 1024 });
    const { executor, log } = this.agent;
    this.ended = serveConnection(connection, {
      dialect: new JsonRpcDialect({ executor, ready: () => ready }),
      log,
      signal: this.stopping.signal,
      ...(link === undefined ? {} : { link }),
    });
  }

  /** The host goes; resolves when all is over. */
  async end(): Promise<void> {
    if (this.connection.atEndOfFile === "over") this.connection.end();
    else this.stopping.abort();
    await this.over();
  }

  /** Resolves when the session has ended and is drained. */
  async over(): Promise<void> {
    const { drained } = await within(this.ended, "the session's end");
    await within(drained, "the last answers");
  }
}

Deno.test("a session begins with agent_ready, once", async () => {
  const connection = new FakeConnection("over");
  const ready = { version: "1.0.0", platform: "linux" };
  const session = new TestSession(connection, [echo], { ready });
  connection.arrive(echoLine(1));
  const [first, second] = await connection.received(2);
  assertEquals(JSON.parse(first ?? ""), { jsonrpc: "2.0", method: "agent_ready", params: ready });
  assertEquals(answerOf(second ?? "").id, 1);
  await session.end();
  assertEquals(connection.text.split("agent_ready").length, 2);
});

Deno.test("a session sends nothing by itself where agent_ready is turned off", async () => {
  const session = new TestSession(new FakeConnection("over"));
  await session.end();
  assertEquals(session.connection.text, "");
});

Deno.test("a session answers lines however they arrive", async () => {
  const text = echoLine(1, "ä€😀") + "\r\n" + echoLine(2).replace("\n", "\r\n") + echoLine(3);
  for (const size of [1, 2, 3, 7, 1000]) {
    const connection = new FakeConnection("over");
    const session = new TestSession(connection);
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.byteLength; at += size) {
      connection.arrive(bytes.subarray(at, at + size));
    }
    const answers = (await within(connection.received(3), "answers")).map(answerOf);
    assertEquals(answers.map(({ id, result }) => [id, result]), [[1, "ä€😀"], [2, null], [
      3,
      null,
    ]]);
    await session.end();
  }
});

Deno.test("a session answers a thousand requests in one chunk", async () => {
  const connection = new FakeConnection("over");
  const session = new TestSession(connection, [
    anyMethod("quick", () => null, { immediate: true }),
  ]);
  connection.arrive(
    Array.from({ length: 1000 }, (_, id) => `${request({ id, method: "quick" })}\n`).join(""),
  );
  const lines = await within(connection.received(1000), "answers");
  assertEquals(lines.map((line) => answerOf(line).id), Array.from({ length: 1000 }, (_, id) => id));
  await session.end();
});

const DEEP_OBJECT = '{"0":'.repeat(20_000) + "1" + "}".repeat(20_000);

for (
  const [what, bad, code] of [
    ["no JSON", "nonsense\n", -32700],
    ["not UTF-8", Uint8Array.of(0x22, 0xff, 0x22, 0x0a), -32700],
    ["over the limit", `"${"x".repeat(LIMIT_BYTES)}"\n`, -32600],
    ["far over the limit", `"${"x".repeat(200 * LIMIT_BYTES)}"\n`, -32600],
    ["a byte order mark", `\ufeff${request({ method: "echo" })}\n`, -32700],
    ["NULs", "\0\0\0\n", -32700],
    ["an empty batch", "[]\n", -32600],
    ["deep nesting", `${"[".repeat(1000)}\n`, -32700],
  ] as const
) {
  Deno.test(`a line that is ${what} is answered with ${code}, and the session goes on`, async () => {
    const connection = new FakeConnection("over");
    const session = new TestSession(connection);
    connection.arrive(echoLine(1));
    connection.arrive(bad);
    connection.arrive(echoLine(2));
    const lines = await within(connection.received(3), "answers");
    const answers = lines.map(answerOf);
    assertEquals(answers.find(({ id }) => id === null)?.error?.code, code);
    assertEquals(answers.filter(({ id }) => id !== null).map(({ id }) => id), [1, 2]);
    await session.end();
    assertEquals(connection.lines.length, 3);
  });
}

Deno.test("an oversized line is answered at once, with the limit, and told only once", async () => {
  const connection = new FakeConnection("over");
  const session = new TestSession(connection);
  connection.arrive("x".repeat(LIMIT_BYTES + 2));
  const [line] = await within(connection.received(1), "the answer");
  const { id, error } = answerOf(line ?? "");
  assertEquals([id, error?.code, error?.data.limit_bytes], [null, -32600, LIMIT_BYTES]);
  for (let i = 0; i < 100; i++) connection.arrive("x".repeat(10_000));
  connection.arrive(`\n${echoLine(1)}`);
  await within(connection.received(2), "the next answer");
  await session.end();
  assertEquals(connection.lines.length, 2);
});

for (
  const [what, line] of [
    ["as id", `{"jsonrpc":"2.0","method":"echo","id":${DEEP_OBJECT}}\n`],
    ["as jsonrpc", `{"jsonrpc":${DEEP_OBJECT},"method":"echo","id":1}\n`],
  ] as const
) {
  Deno.test(`nesting that no stack holds ${what} is answered and does not end the session`, async () => {
    const connection = new FakeConnection("over");
    const session = new TestSession(connection, [echo], { limitBytes: 256 * 1024 });
    connection.arrive(line);
    connection.arrive(echoLine(2));
    const answered = within(connection.received(2), "answers");
    const lines = await Promise.race([answered, session.ended.then(() => connection.lines)]);
    assertEquals(lines.length, 2);
    await session.end();
  });
}

Deno.test("a half line at the end of a connection is not a request", async () => {
  const connection = new FakeConnection("over");
  const session = new TestSession(connection);
  connection.arrive(echoLine(1).trimEnd());
  await session.end();
  assertEquals(connection.text, "");
});

Deno.test("a session waits while no host is there, and serves the next", async () => {
  const connection = new FakeConnection("host away");
  const session = new TestSession(connection);
  connection.arrive(echoLine(1));
  await within(connection.received(1), "the first answer");
  connection.arrive('{"jsonrpc":"2.0","id":"half of');
  connection.end(2);
  connection.arrive(echoLine(2));
  const start = performance.now();
  const answers = (await within(connection.received(2), "answers")).map(answerOf);
  assertEquals(answers.map(({ id }) => id), [1, 2]);
  // It has slept in between: reading again and again would be a busy loop.
  assert(performance.now() - start >= 250, `${performance.now() - start} ms`);
  assertEquals(session.agent.log.lines.filter(({ level }) => level !== "info"), []);
  await session.end();
});

Deno.test("an oversized line of a host that has gone does not swallow the next one's", async () => {
  const connection = new FakeConnection("host away");
  const session = new TestSession(connection);
  connection.arrive("x".repeat(LIMIT_BYTES * 3));
  connection.end();
  connection.arrive(echoLine(2));
  const lines = await within(connection.received(2), "answers");
  assertEquals(lines.map((line) => answerOf(line).id), [null, 2]);
  await session.end();
});

Deno.test("a session does not read from a host that does not read its answers", async () => {
  const connection = new FakeConnection("over");
  const session = new TestSession(connection);
  connection.block();
  const value = "x".repeat(800);
  for (let id = 0; id < 2000; id++) connection.arrive(echoLine(id, value));
  // Everything that can happen without a write has happened after so many turns.
  let reads = -1;
  while (reads !== connection.reads) {
    reads = connection.reads;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert(connection.unread > 1000, `${connection.unread} of 2000 requests are not taken`);
  connection.unblock();
  assertEquals((await within(connection.received(2000), "answers")).length, 2000);
  await session.end();
});

Deno.test("a session that is stopped returns, though its read stays parked", async () => {
  const connection = new FakeConnection("host away");
  const parked = new ParkedMethod();
  const session = new TestSession(connection, [parked.method]);
  connection.arrive(`${request({ id: 1, method: "park" })}\n`);
  const call = await parked.call(0);
  session.stopping.abort();
  const { drained } = await within(session.ended, "the session's end");
  let isDrained = false;
  void drained.then(() => isDrained = true);
  await Promise.resolve();
  assertEquals([isDrained, connection.isClosed], [false, false]);
  // What was asked before is still answered.
  call.finish("last words");
  await within(drained, "the last answer");
  assertEquals(connection.lines.map((line) => answerOf(line).result), ["last words"]);
  assertEquals(connection.isClosed, true);
});

Deno.test("a session that is stopped takes no more requests", async () => {
  const connection = new FakeConnection("over");
  const session = new TestSession(connection);
  session.stopping.abort();
  await session.over();
  connection.arrive(echoLine(1));
  await Promise.resolve();
  assertEquals(connection.text, "");
});

Deno.test("a session ends when reading fails, and says so in the log", async () => {
  for (const kind of ["over", "host away"] as const) {
    const connection = new FakeConnection(kind);
    const session = new TestSession(connection);
    connection.breakOff(new Error("Input/output error (os error 5)"));
    await session.over();
    assertEquals(session.agent.log.of("the connection to the host has ended").length, 1);
    assertEquals(connection.isClosed, true);
  }
});

for (const kind of ["over", "host away"] as const) {
  Deno.test(`a session ends when writing fails (end of file: ${kind})`, async () => {
    const connection = new FakeConnection(kind);
    const session = new TestSession(connection);
    connection.writeError = new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
    connection.arrive(echoLine(1));
    await session.over();
    assertEquals(session.agent.log.of("the host disconnected; dropping answers").length, 1);
    assertEquals(connection.isClosed, true);
  });
}

Deno.test("a host that goes before its answer harms neither the work nor the session", async () => {
  const connection = new FakeConnection("over");
  const parked = new ParkedMethod();
  const session = new TestSession(connection, [parked.method]);
  connection.arrive(`${request({ id: 1, method: "park" })}\n`);
  const call = await parked.call(0);
  connection.writeError = new Deno.errors.BrokenPipe("gone");
  connection.end();
  const { drained } = await within(session.ended, "the session's end");
  call.finish("nobody hears it");
  await within(drained, "the work");
  assertEquals(session.agent.executor.inFlight, 0);
});

Deno.test("what a session still owes is drained also when the work is cancelled", async () => {
  const connection = new FakeConnection("over");
  const obedient = new ObedientMethod("obey", { ownTimeout: true });
  const session = new TestSession(connection, [obedient.method]);
  connection.arrive(`${request({ id: 1, method: "obey" })}\n`);
  connection.end();
  const { drained } = await within(session.ended, "the session's end");
  await session.agent.executor.stop(0);
  await within(drained, "the last answer");
  assertEquals(connection.lines.map((line) => answerOf(line).error?.code), [-32000]);
});

Deno.test("a session keeps its link up to date: there, away, back and silent, gone", async () => {
  const connection = new FakeConnection("host away");
  const link = new HostLink();
  assertEquals(link.isOpen, false);
  const session = new TestSession(connection, [echo], { link });
  assertEquals(link.isOpen, true);
  const line = echoLine(1);
  connection.arrive(line);
  const [answer = ""] = await connection.received(1);
  assertEquals([link.receivedBytes, link.sentBytes], [line.length, answer.length + 1]);
  connection.end();
  await until(() => !link.isOpen, "the host to be away");
  // The next read stays parked, as it does where a host is there that says nothing.
  await until(() => link.isOpen, "the host to be back");
  link.notify({ name: "event", params: {} });
  assertEquals(JSON.parse((await connection.received(2))[1] ?? "").method, "event");
  await session.end();
  assertEquals(link.isOpen, false);
});

Deno.test("a limit that changes holds from the next piece on", async () => {
  const connection = new FakeConnection("over");
  const session = new TestSession(connection, [echo], { limitBytes: 2048 });
  const line = echoLine(1, "x".repeat(1500));
  connection.arrive(line);
  await connection.received(1);
  session.agent.executor.reconfigure(configWith({ max_message_size_kb: 1 }));
  connection.arrive(line);
  const [, refused = ""] = await connection.received(2);
  assertEquals(answerOf(refused).error?.data.limit_bytes, 1024);
  await session.end();
});

Deno.test("each host of a connection that stays is greeted, and gets only its own answers", async () => {
  const connection = new FakeConnection("host away");
  const parked = new ParkedMethod();
  const session = new TestSession(connection, [parked.method, echo], { ready: { version: "1" } });
  connection.arrive(`${request({ id: 1, method: "park" })}\n`);
  const call = await parked.call(0);
  connection.end();
  await within(connection.received(2), "the second greeting");
  connection.arrive(echoLine(1, "for the second host"));
  await within(connection.received(3), "the answer for the second host");
  // Owed to the first host, which is gone.
  call.finish("too late");
  connection.arrive(echoLine(2));
  const lines = await within(connection.received(4), "the next answer");
  assertEquals(
    lines.map((line) => {
      const { method, id, result } = JSON.parse(line);
      return method ?? [id, result];
    }),
    ["agent_ready", "agent_ready", [1, "for the second host"], [2, null]],
  );
  await session.end();
});

const methodsAndIds = (lines: readonly string[]) =>
  lines.map((line) => {
    const { method, id } = JSON.parse(line);
    return method ?? id;
  });

for (const ready of [undefined, { version: "1" }]) {
  const what = ready === undefined ? "without a greeting" : "with a greeting";
  Deno.test(`a host whose first request overtakes the news that another has left is answered, ${what}`, async () => {
    const connection = new FakeConnection("host away");
    const parked = new ParkedMethod();
    const options = ready === undefined ? {} : { ready };
    const session = new TestSession(connection, [parked.method, echo], options);
    const greetings = ready === undefined ? [] : ["agent_ready"];
    connection.arrive(`${request({ id: "first", method: "park" })}\n`);
    const owedToTheFirst = await parked.call(0);
    // As a client of ours begins.
    connection.arrive(`\n${request({ id: "second", method: "park" })}\n`);
    const owedToTheSecond = await parked.call(1);
    connection.end();
    await until(() => connection.unread === 0, "the end of file to be read");
    owedToTheFirst.finish("too late");
    owedToTheSecond.finish("expected");
    connection.arrive(echoLine("third"));
    const lines = await within(
      connection.received(2 + 2 * greetings.length),
      "two answers",
    );
    assertEquals(methodsAndIds(lines), [...greetings, ...greetings, "second", "third"]);
    await session.end();
  });

  Deno.test(`what a host asked that leaves at once is not answered to the next, ${what}`, async () => {
    const connection = new FakeConnection("host away");
    const parked = new ParkedMethod();
    const options = ready === undefined ? {} : { ready };
    const session = new TestSession(connection, [parked.method, echo], options);
    connection.arrive(`\n${request({ id: "first", method: "park" })}\n`);
    const call = await parked.call(0);
    // As on a port: without a host, reading ends at once and writing waits.
    connection.block();
    connection.end(1000);
    await until(() => connection.reads >= 4, "several looks");
    call.finish("too early for anybody");
    // The looks become rare once nobody has come.
    let [reads, since] = [0, 0];
    await until(() => {
      if (connection.reads !== reads) [reads, since] = [connection.reads, performance.now()];
      return performance.now() - since > 150;
    }, "a pause between two looks");
    connection.clear();
    connection.unblock();
    connection.arrive(echoLine("second"));
    const greetings = ready === undefined ? [] : ["agent_ready", "agent_ready"];
    const lines = await within(connection.received(1 + greetings.length), "the answer");
    assertEquals(methodsAndIds(lines), [...greetings, "second"]);
    await session.end();
    assertEquals(connection.lines.length, 1 + greetings.length);
  });
}

Deno.test("a session that is stopped while it is unknown who is there sends what it owes", async () => {
  const connection = new FakeConnection("host away");
  const parked = new ParkedMethod();
  const session = new TestSession(connection, [parked.method]);
  connection.arrive(`\n${request({ id: 1, method: "park" })}\n`);
  const call = await parked.call(0);
  connection.end(1000);
  await until(() => connection.unread < 999, "the end of file to be read");
  call.finish("last words");
  session.stopping.abort();
  await session.over();
  assertEquals(methodsAndIds(connection.lines), [1]);
});

Deno.test("a host that comes is noticed by the greeting that leaves, not by the next look", async () => {
  const connection = new FakeConnection("host away");
  // As on a port: without a host, reading ends at once and writing waits.
  connection.block();
  connection.end(1000);
  const session = new TestSession(connection, [echo], { ready: { version: "1" } });
  await until(() => connection.reads >= 5, "a long pause between two looks");
  const { reads } = connection;
  connection.clear();
  connection.arrive(echoLine(1));
  connection.unblock();
  await within(connection.received(2), "the answer");
  assertEquals(connection.reads <= reads + 2, true, `${connection.reads - reads} reads`);
  await session.end();
});

Deno.test("a port without a host is looked at seldom, and greeted once", async () => {
  const connection = new FakeConnection("host away");
  connection.end(1000);
  const session = new TestSession(connection, [echo], { ready: { version: "1" } });
  await until(() => connection.reads >= 4, "several looks");
  assertEquals(connection.lines.length, 1);
  await session.end();
});
