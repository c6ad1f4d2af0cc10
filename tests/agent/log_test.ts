/**
 * The log: what it says about each request, what it never says, and its file.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { type LogLine, TestAgent } from "./_agent.ts";
import { assertRefused } from "./_host.ts";
import { tool } from "../_tool.ts";
import { until } from "../_waiting.ts";

const requests = (agent: TestAgent) => agent.log.filter(({ message }) => message === "request");

/** The line of the request with this id, waited for. */
const lineOf = (agent: TestAgent, id: unknown): Promise<LogLine> =>
  agent.logged((line) => line.message === "request" && line.id === id, `request ${id}`);

Deno.test("each request has one line with id, method, milliseconds and outcome", async (t) => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const send = (id: unknown, method: string, params?: unknown) =>
    host.ask(JSON.stringify({ jsonrpc: "2.0", method, params, id }));

  await t.step("one that succeeded", async () => {
    await send(1, "get_system_info");
    const line = await lineOf(agent, 1);
    assertEquals([line.level, line.method, line.outcome], ["info", "get_system_info", "ok"]);
    assert(typeof line.ms === "number" && line.ms >= 0 && line.ms < 10_000);
    assertMatch(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert(!("code" in line));
  });
  await t.step("one that took long", async () => {
    await send("slow", "exec_command", { command: "sleep", args: ["0.3"] });
    const line = await lineOf(agent, "slow");
    assert(typeof line.ms === "number" && line.ms >= 300, `${line.ms} ms`);
    assertEquals(line.command, "sleep");
  });
  await t.step("one that failed", async () => {
    await send(2, "file_read", { path: `${agent.paths.files}/nothing` });
    const line = await lineOf(agent, 2);
    assertEquals([line.outcome, line.code], ["error", -32002]);
    assertEquals(line.path, `${agent.paths.files}/nothing`);
    assertMatch(String(line.reason), /No such file/);
  });
  await t.step("one that was refused for its parameters", async () => {
    await send(3, "file_read", {});
    const line = await lineOf(agent, 3);
    assertEquals([line.method, line.outcome, line.code], ["file_read", "error", -32602]);
  });
  await t.step("one of an unknown method", async () => {
    await send(4, "no_such_method");
    const line = await lineOf(agent, 4);
    assertEquals([line.method, line.outcome, line.code], ["no_such_method", "error", -32601]);
  });
  await t.step("a notification, without an id", async () => {
    await host.send('{"jsonrpc":"2.0","method":"get_disk_usage"}\n');
    const line = await agent.logged(({ method }) => method === "get_disk_usage", "it");
    assertEquals(line.outcome, "ok");
    assert(!("id" in line));
  });
  await t.step("no line is written twice", async () => {
    await host.ping();
    await agent.logged(({ method }) => method === "ping", "ping");
    assertEquals(requests(agent).length, 7);
  });
});

Deno.test("a message that is not a request is logged at level warn, with its code and reason", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await host.ask("{'single': 'quotes'}");
  const line = await agent.logged(({ message }) => message === "malformed request", "it");
  assertEquals([line.level, line.code], ["warn", -32700]);
});

Deno.test("a flood of refusals does not flood the log", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const count = 5000;
  await host.send("not JSON\n".repeat(count));
  for (let answer = 0; answer < count; answer++) await host.answer();
  // The answers may arrive before their log lines.
  await agent.logged(({ message }) => message === "malformed request", "a refusal");
  const lines = agent.log.filter(({ message }) => message === "malformed request");
  assert(lines.length > 0 && lines.length < 500, `${lines.length} lines for ${count} refusals`);
  // The rest is counted as soon as something is written again.
  await until(async () => {
    await host.ask("not JSON");
    return agent.log.some((line) => typeof line.count === "number" && line.count > 0);
  }, "the count of omitted lines");
});

Deno.test("long ids and method names are cut in the log", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const long = "x".repeat(20_000);
  await host.ask(JSON.stringify({ jsonrpc: "2.0", method: `m${long}`, id: long }));
  await host.ask(JSON.stringify({ jsonrpc: "2.0", method: 5, id: long }));
  await host.ask(JSON.stringify({ jsonrpc: "1.0", method: "ping", id: 5, [long]: 1 }));
  await host.ask(JSON.stringify({ jsonrpc: "2.0", method: "ping", id: 6, [long]: 1 }));
  await host.ask(JSON.stringify({ jsonrpc: "2.0", method: "ping", id: 7, params: { [long]: 1 } }));
  await host.ping();
  await agent.logged(({ id }) => id === 7, "the last one");
  const longest = Math.max(...agent.logText.split("\n").map((line) => line.length));
  assert(longest < 2000, `the longest line has ${longest} characters`);
});

for (
  const [level, seen, unseen] of [
    ["error", [], ["info", "warn"]],
    ["warn", ["warn"], ["info"]],
    ["trace", ["info", "warn"], []],
  ] as const
) {
  Deno.test(`log_level ${level} logs messages of that level and above`, async () => {
    await using agent = await TestAgent.start({
      channel: "listen",
      config: ({ directory }) => ({ log_level: level, log_file: `${directory}/agent.log` }),
      isSilent: true,
    });
    await using host = await agent.connect();
    await host.ping();
    await host.ask("not JSON");
    await host.close();
    agent.kill("SIGTERM");
    assertEquals((await agent.ended()).code, 0);
    const text = await Deno.readTextFile(`${agent.paths.directory}/agent.log`).catch(() => "");
    for (const one of seen) assert(text.includes(`"level":"${one}"`), `${one} in ${text}`);
    for (const one of unseen) assert(!text.includes(`"level":"${one}"`), `no ${one} in ${text}`);
  });
}

Deno.test("--log-level overrides log_level", async () => {
  await using agent = await TestAgent.start({
    config: () => ({ log_level: "error" }),
    args: () => ["--log-level", "info"],
  });
  await using host = await agent.connect();
  await host.ping();
  await agent.logged(({ method }) => method === "ping", "the request");
});

Deno.test("a log file is appended to, readable only by owner and group, and reopened on SIGHUP", async (t) => {
  let file = "";
  await using agent = await TestAgent.start({
    isSilent: true,
    config: ({ directory }) => ({ log_file: file = `${directory}/agent.log` }),
    prepare: ({ directory }) => Deno.writeTextFile(`${directory}/agent.log`, "before\n"),
  });
  await using host = await agent.connect();
  await host.ping();
  const contains = (path: string, text: string) =>
    until(
      async () => (await Deno.readTextFile(path).catch(() => "")).includes(text),
      `${text} in ${path}`,
    );
  await t.step("what was in it stays", async () => {
    await contains(file, '"method":"ping"');
    assertMatch(await Deno.readTextFile(file), /^before\n\{"time"/);
  });
  await t.step("after SIGHUP the new file is written to, and the moved one is not", async () => {
    await Deno.rename(file, `${file}.1`);
    agent.kill("SIGHUP");
    await contains(file, "log file reopened");
    await host.request("get_agent_info");
    await contains(file, '"method":"get_agent_info"');
    assert(!(await Deno.readTextFile(`${file}.1`)).includes("get_agent_info"));
  });
  await t.step("the new file is only readable by owner and group", async () => {
    assertEquals(((await Deno.stat(file)).mode ?? 0) & 0o007, 0);
  });
  await t.step("no line is lost or torn by many SIGHUPs", async () => {
    const count = 200;
    for (let round = 0; round < count; round++) {
      if (round % 10 === 0) agent.kill("SIGHUP");
      await host.ask(JSON.stringify({ jsonrpc: "2.0", method: "ping", id: `round ${round}` }));
    }
    await contains(file, `"round ${count - 1}"`);
    const lines = (await Deno.readTextFile(file)).trimEnd().split("\n");
    const ids = lines.map((line) =>
      z.parse(z.looseObject({ id: z.optional(z.unknown()) }), JSON.parse(line)).id
    );
    for (let round = 0; round < count; round++) assert(ids.includes(`round ${round}`));
  });
  await t.step("SIGHUP keeps the old file if the new one cannot be opened", async () => {
    await Deno.rename(file, `${file}.2`);
    await Deno.mkdir(file);
    agent.kill("SIGHUP");
    await contains(`${file}.2`, "cannot reopen the log file");
    await host.request("get_disk_usage");
    await contains(`${file}.2`, '"method":"get_disk_usage"');
  });
  assertEquals(agent.logText, "", "nothing on standard error");
});

Deno.test("a log file that cannot be opened: the agent serves, and logs to standard error", async () => {
  await using agent = await TestAgent.start({
    config: ({ directory }) => ({ log_file: `${directory}/missing/agent.log` }),
  });
  await using host = await agent.connect();
  await host.ping();
  const line = await agent.logged(({ log_file }) => log_file !== undefined, "the failure");
  assertEquals(line.level, "warn");
});

Deno.test("a log file that is a FIFO without a reader: the agent serves, and logs to standard error", async () => {
  await using agent = await TestAgent.start({
    config: ({ directory }) => ({ log_file: `${directory}/fifo` }),
    prepare: async ({ directory }) => void await tool("mkfifo", `${directory}/fifo`),
  });
  await using host = await agent.connect();
  await host.ping();
  const line = await agent.logged(({ log_file }) => log_file !== undefined, "the failure");
  assertMatch(String(line.error), /took longer than 5 s; is it a FIFO that no process reads\?/);
});

/** In every place that can contain private data; none of it may be in the log. */
const PART = "qzx7";
/** Any ten characters of it are found, even if a parser's message quotes part of the line. */
const CANARY = PART.repeat(8);

Deno.test("contents, output, input and environment are never in the log", async (t) => {
  const canary64 = btoa(CANARY);
  await using agent = await TestAgent.start({
    args: () => ["--log-level", "trace"],
    prepare: async ({ files }) => {
      await Deno.writeTextFile(`${files}/readable`, `${CANARY}\n`);
      await Deno.writeTextFile(`${files}/large`, CANARY.repeat(10_000));
      await Deno.writeFile(
        `${files}/binary`,
        new Uint8Array([0xff, ...new TextEncoder().encode(CANARY)]),
      );
    },
  });
  const { files } = agent.paths;
  await using host = await agent.connect();
  const exec = (params: unknown) => ["exec_command", params] as const;
  const write = (params: unknown) => ["file_write", params] as const;
  const path = `${files}/written`;
  const sent: readonly (readonly [string, readonly [string, unknown]])[] = [
    ["a file that is read", ["file_read", { path: `${files}/readable` }]],
    ["a file that is too large", ["file_read", { path: `${files}/large` }]],
    ["a file that is not UTF-8", ["file_read", { path: `${files}/binary` }]],
    ["content", write({ path, content: CANARY })],
    ["content in base64", write({ path, content: canary64, encoding: "base64" })],
    ["content that is not base64", write({ path, content: `${CANARY}%`, encoding: "base64" })],
    ["content for a path outside", write({ path: "/etc/outside", content: CANARY })],
    ["content with a wrong path", write({ path: 5, content: CANARY })],
    ["content as an array", write({ path, content: [CANARY] })],
    ["content as an object", write({ path, content: { text: CANARY } })],
    ["content of an unknown member", write({ path, contents: CANARY })],
    ["content with an unpaired surrogate", write({ path, content: `${CANARY}\ud800` })],
    ["output", exec({ command: "echo", args: ["-n", "qz", "x7"] })],
    ["output on both streams", exec({ command: "cat", args: [`${files}/readable`, "/nothing"] })],
    [
      "output of a command that fails",
      exec({ command: "sh", args: ["-c", `cat ${files}/readable; exit 3`] }),
    ],
    [
      "output of a command that is timed out",
      exec({
        command: "sh",
        args: ["-c", `cat ${files}/readable; sleep 60`],
        timeout_seconds: 1,
      }),
    ],
    ["input", exec({ command: "cat", input: CANARY })],
    ["input in base64", exec({ command: "cat", input: canary64, input_encoding: "base64" })],
    [
      "input that is not base64",
      exec({ command: "cat", input: `${CANARY}%`, input_encoding: "base64" }),
    ],
    ["input as an array", exec({ command: "cat", input: [CANARY] })],
    ["input for a missing program", exec({ command: "no-such-program", input: CANARY })],
    ["env", exec({ command: "env", env: { A: CANARY } })],
    ["env with a wrong name", exec({ command: "env", env: { "a b": CANARY } })],
    ["env with NUL", exec({ command: "env", env: { A: `${CANARY}\0` } })],
    ["env with an object", exec({ command: "env", env: { A: { B: CANARY } } })],
    ["env as an array", exec({ command: "env", env: [CANARY] })],
    ["env as a text", exec({ command: "env", env: `A=${CANARY}` })],
    ["env beside what is wrong", exec({ command: 5, env: { A: CANARY } })],
    ["params as an array", ["file_write", [CANARY, path]]],
    ["params as a text", ["file_write", CANARY]],
    ["params of a method without parameters", ["ping", { data: CANARY }]],
    ["params of an unknown method", ["file_wirte", { path, content: CANARY }]],
  ];
  const raw: readonly (readonly [string, string | Uint8Array])[] = [
    [
      "a line that ends too early",
      `{"jsonrpc":"2.0","method":"file_write","params":{"content":"${CANARY}`,
    ],
    ["a line with an error after it", `{"params":{"content":"${CANARY}" "path":"/x"}}`],
    ["a line with an error before it", `{"params":{"path":'/x',"content":"${CANARY}"}}`],
    ["a line without quotes", `{"content":${CANARY}}`],
    ["a line in single quotes", `{'content': '${CANARY}'}`],
    ["a line that is it", CANARY],
    ["a line that is a string of it", `"${CANARY}"`],
    ["a batch of it", `["${CANARY}"]`],
    ["a line with a byte order mark", `\ufeff{"content":"${CANARY}"}`],
    ["a line with a control character", `{"content":"\u0001${CANARY}"}`],
    ["a line with a wrong escape", `{"content":"${CANARY}\\x"}`],
    ["a line over the limit", `{"content":"${CANARY.repeat(10_000)}"}`],
    ["a line that is not UTF-8", new Uint8Array([...new TextEncoder().encode(CANARY), 0xff])],
    [
      "a request without jsonrpc",
      `{"method":"file_write","params":{"content":"${CANARY}"},"id":1}`,
    ],
    [
      "a request with params next to it",
      `{"jsonrpc":"2.0","method":"file_write","content":"${CANARY}","id":1}`,
    ],
    ["an answer", `{"jsonrpc":"2.0","result":{"content":"${CANARY}"},"id":1}`],
    [
      "a notification",
      `{"jsonrpc":"2.0","method":"file_write","params":{"path":"x","content":"${CANARY}"}}`,
    ],
  ];
  const assertUntold = async (before: number) => {
    // The ping's line comes after those of what was sent before it.
    const id = `mark ${before}`;
    await host.send(`${JSON.stringify({ jsonrpc: "2.0", method: "ping", id })}\n`);
    await host.answerTo(id);
    await lineOf(agent, id);
    const told = agent.logText.slice(before);
    for (const part of [PART, ...canary64.match(/.{4}/g) ?? []]) {
      assert(!told.includes(part), `the log contains it: ${told}`);
    }
  };
  for (const [name, [method, params]] of sent) {
    await t.step(name, async () => {
      const before = agent.logText.length;
      await host.request(method, params);
      await assertUntold(before);
    });
  }
  for (const [name, line] of raw) {
    await t.step(name, async () => {
      const before = agent.logText.length;
      // Few lines a second are written for what is no request; the one looked for must be.
      const told = () =>
        agent.logText.slice(before).includes('"outcome":"error"') ||
        agent.logText.slice(before).includes("malformed request");
      await until(async () => {
        await host.send(line);
        await host.send("\n");
        await host.ping();
        return told();
      }, "a line in the log");
      await assertUntold(before);
    });
  }
  await t.step("output and input of a command that is cancelled", async () => {
    const before = agent.logText.length;
    const id = await host.start("exec_command", {
      command: "sh",
      args: ["-c", `cat ${files}/readable; exec sleep 60`],
      input: CANARY,
      timeout_seconds: 60,
    });
    await host.ping();
    await host.call("rpc.cancel", { id }, z.strictObject({ cancelled: z.literal(true) }));
    assertRefused(await host.answerTo(id), -32000, /^cancelled by the host$/);
    await assertUntold(before);
  });
});
