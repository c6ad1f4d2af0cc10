/**
 * Limits on concurrency, the queue, the request rate and the size of replies.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { TestAgent } from "./_agent.ts";
import { assertRefused, errorOf, type Host, resultOf } from "./_host.ts";
import { timed, until } from "../_waiting.ts";
import { COMMAND_FAILED, TIMEOUT, TOO_MANY_REQUESTS } from "../_error_codes.ts";

const Executed = z.looseObject({ exit_code: z.int(), stdout: z.string() });

/** Starts a command that runs until the file `release` exists. */
const startWaiting = (host: Host, files: string) =>
  host.start("exec_command", {
    command: "sh",
    args: ["-c", 'echo >> "$0/begun"; until [ -e "$0/release" ]; do sleep 0.05; done', files],
  });

const begun = async (files: string) =>
  (await Deno.readTextFile(`${files}/begun`).catch(() => "")).length;

Deno.test("ping and get_agent_info are answered while ten commands run and more wait", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const { files } = agent.paths;
  const ids = await Promise.all(Array.from({ length: 25 }, () => startWaiting(host, files)));
  await until(async () => await begun(files) === 10, "ten commands to run");
  for (let round = 0; round < 20; round++) {
    await host.ping();
    resultOf(
      await host.request("get_agent_info"),
      z.looseObject({ version: z.literal("1.0.0") }),
    );
  }
  const blocked = await host.start("get_system_info");
  await host.ping();
  assertEquals(await begun(files), 10, "max_concurrent_requests run at once");
  assertEquals(host.received.length, 1, "agent_ready; waiting requests are not answered");
  await Deno.writeTextFile(`${files}/release`, "");
  for (const id of ids) resultOf(await host.answerTo(id), Executed);
  resultOf(await host.answerTo(blocked), z.looseObject({ os_type: z.literal("linux") }));
});

Deno.test("answers arrive as work completes, not in the order of the requests", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const { files } = agent.paths;
  const slow = await startWaiting(host, files);
  const quick = await host.start("exec_command", { command: "true" });
  const first = await host.answer();
  assertEquals(first.id, quick);
  await Deno.writeTextFile(`${files}/release`, "");
  await host.answerTo(slow);
});

Deno.test("requests beyond 100 in the queue are refused with -32004, the others are served", async () => {
  await using agent = await TestAgent.start({ config: () => ({ max_concurrent_requests: 1 }) });
  await using host = await agent.connect();
  const { files } = agent.paths;
  const running = await startWaiting(host, files);
  await until(async () => await begun(files) === 1, "the command to run");
  const waiting: string[] = [];
  for (let count = 0; count < 100; count++) waiting.push(await host.start("get_system_info"));
  const refused = await host.request("get_system_info");
  assertRefused(refused, TOO_MANY_REQUESTS, /100 requests are already waiting/);
  assertEquals(errorOf(refused).message, "Too many requests");
  await host.ping();
  await Deno.writeTextFile(`${files}/release`, "");
  resultOf(await host.answerTo(running), Executed);
  for (const id of waiting) {
    resultOf(await host.answerTo(id), z.looseObject({ os_type: z.literal("linux") }));
  }
  resultOf(await host.request("get_system_info"), z.looseObject({}));
});

Deno.test("requests over max_requests_per_second are refused with -32004 and the time to wait", async () => {
  const perSecond = 20;
  await using agent = await TestAgent.start({
    config: () => ({ max_requests_per_second: perSecond }),
  });
  await using host = await agent.connect();
  // In one piece, so that no pause between them fills the bucket again.
  const ids = Array.from({ length: 100 }, (_, id) => id);
  await host.send(ids.map((id) => `{"jsonrpc":"2.0","method":"ping","id":${id}}\n`).join(""));
  const answers = await Promise.all(ids.map((id) => host.answerTo(id)));
  const errors = answers.filter((answer) => "error" in answer).map(errorOf);
  assert(errors.length > 0 && errors.length <= 100 - perSecond, `${errors.length} refused`);
  for (const { code, data } of errors) {
    assertEquals(code, TOO_MANY_REQUESTS);
    const { retry_after_ms } = data;
    assert(
      typeof retry_after_ms === "number" && retry_after_ms > 0 &&
        retry_after_ms <= 1000 / perSecond,
      `retry_after_ms ${retry_after_ms}`,
    );
  }
  await until(async () => "result" in await host.request("ping"), "the rate limit to accept one");
});

Deno.test("each member of a batch counts as a request", async () => {
  await using agent = await TestAgent.start({ config: () => ({ max_requests_per_second: 10 }) });
  await using host = await agent.connect();
  const batch = Array.from({ length: 60 }, (_, id) => ({ jsonrpc: "2.0", method: "ping", id }));
  await host.send(`${JSON.stringify(batch)}\n`);
  const Answers = z.array(z.looseObject({ error: z.optional(z.object({ code: z.number() })) }));
  const answers = z.parse(Answers, await host.take(Array.isArray, "an array"));
  assertEquals(answers.length, 60);
  const refused = answers.filter(({ error }) => error?.code === TOO_MANY_REQUESTS).length;
  assert(refused >= 40 && refused <= 50, `${refused} refused`);
});

Deno.test("a request that waits too long for a slot is answered with -32003 and never runs", async () => {
  await using agent = await TestAgent.start({
    config: () => ({ max_concurrent_requests: 1, request_timeout_seconds: 1 }),
  });
  await using host = await agent.connect();
  const { files } = agent.paths;
  const running = await startWaiting(host, files);
  await until(async () => await begun(files) === 1, "the command to run");
  const path = `${files}/late`;
  const { value, ms } = await timed(() => host.request("file_write", { path, content: "late" }));
  const { data } = assertRefused(
    value,
    TIMEOUT,
    /no slot became free within 1 s; the request was not started/,
  );
  assertEquals(data.timeout_seconds, 1);
  assert(ms >= 990, `${ms} ms`);
  await Deno.writeTextFile(`${files}/release`, "");
  resultOf(await host.answerTo(running), Executed);
  await host.call("get_system_info", undefined, z.looseObject({}));
  assert(await Deno.lstat(path).then(() => false, () => true), "nothing was written");
});

Deno.test("request_timeout_seconds does not limit exec_command", async () => {
  await using agent = await TestAgent.start({ config: () => ({ request_timeout_seconds: 1 }) });
  await using host = await agent.connect();
  const params = { command: "sleep", args: ["1.5"], timeout_seconds: 10 };
  assertEquals((await host.call("exec_command", params, Executed)).exit_code, 0);
});

Deno.test("max_command_timeout_seconds limits a command without a timeout", async () => {
  await using agent = await TestAgent.start({
    config: () => ({ security: { max_command_timeout_seconds: 1 } }),
  });
  await using host = await agent.connect();
  const answer = await host.request("exec_command", { command: "sleep", args: ["60"] });
  assertRefused(answer, TIMEOUT, /did not finish within 1 s/);
});

Deno.test("a result over the message limit is answered with -32000 and both sizes", async () => {
  await using agent = await TestAgent.start({
    config: () => ({ max_message_size_kb: 1, announce: false }),
  });
  await using host = await agent.connect();
  // Every method fits its result to the message, but the id is the host's.
  const request = { jsonrpc: "2.0", id: "x".repeat(600), method: "get_agent_info" };
  await host.send(`${JSON.stringify(request)}\n`);
  const { data } = assertRefused(
    Object(await host.next()),
    COMMAND_FAILED,
    /the answer has \d+ bytes, which exceeds max_message_size_kb/,
  );
  assertEquals(data.limit_bytes, 1024);
  assert(typeof data.size_bytes === "number" && data.size_bytes > 1024);
  await host.ping();
});

Deno.test("the replies to a batch fit the message limit together", async () => {
  await using agent = await TestAgent.start({
    prepare: ({ files }) => Deno.writeTextFile(`${files}/large`, "x".repeat(50_000)),
  });
  await using host = await agent.connect();
  const params = { path: `${agent.paths.files}/large` };
  const batch = Array.from(
    { length: 5 },
    (_, id) => ({ jsonrpc: "2.0", method: "file_read", params, id }),
  );
  await host.send(`${JSON.stringify(batch)}\n`);
  const answers = z.parse(z.array(z.looseObject({})), await host.take(Array.isArray, "an array"));
  assert(host.lastLine.length <= 64 * 1024, `${host.lastLine.length} bytes`);
  assertEquals(answers.map(({ id }) => Number(id)).sort(), [0, 1, 2, 3, 4]);
  assertEquals(answers.filter((answer) => "result" in answer).length, 1);
});

Deno.test("no reply is over the message limit, not even", async (t) => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const limit = 64 * 1024;
  const request = (members: Record<string, unknown>) =>
    JSON.stringify({ jsonrpc: "2.0", id: 1, ...members });
  const many = (count: number, name: (index: number) => string) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [name(index), 0]));
  const cases: readonly (readonly [string, string])[] = [
    ["a result with a very long id", request({ method: "ping", id: "i".repeat(65_400) })],
    ["an error with a very long id", request({ method: "nothing", id: "i".repeat(65_400) })],
    ["a long unknown method", request({ method: "m".repeat(60_000) })],
    ["a long unknown member", request({ method: "ping", ["k".repeat(60_000)]: 1 })],
    ["a long unknown parameter", request({ method: "ping", params: { ["k".repeat(60_000)]: 1 } })],
    ["many unknown parameters", request({ method: "exec_command", params: many(5000, String) })],
    [
      "many wrong arguments",
      request({ method: "exec_command", params: { command: "id", args: Array(20_000).fill(0) } }),
    ],
    [
      "many wrong variables",
      request({ method: "exec_command", params: { command: "id", env: many(5000, String) } }),
    ],
    [
      "a long wrong value",
      request({ method: "file_read", params: { path: 1, offset: "o".repeat(60_000) } }),
    ],
    ["a long wrong path", request({ method: "file_read", params: { path: "p".repeat(60_000) } })],
    [
      "a long path outside",
      request({ method: "file_read", params: { path: `/${"/p".repeat(2000)}` } }),
    ],
    [
      "a long command",
      request({ method: "exec_command", params: { command: "c".repeat(60_000) } }),
    ],
    [
      "a long path as command",
      request({ method: "exec_command", params: { command: `/${"c".repeat(60_000)}` } }),
    ],
    [
      "a long working directory",
      request({
        method: "exec_command",
        params: { command: "id", working_directory: `/${"d".repeat(4000)}` },
      }),
    ],
    ["text that grows in JSON", request({ method: "\u0001".repeat(10_000) })],
    ["text that grows in an id", request({ method: "ping", id: "\u0001".repeat(10_000) })],
  ];
  for (const [name, line] of cases) {
    await t.step(name, async () => {
      assert(line.length <= limit, `the request itself has ${line.length} bytes`);
      const before = agent.logText.length;
      await host.ask(line);
      const size = new TextEncoder().encode(host.lastLine).byteLength;
      assert(size <= limit, `the answer has ${size} bytes`);
      await host.ping();
      const longest = Math.max(
        ...agent.logText.slice(before).split("\n").map((text) => text.length),
      );
      assert(longest < 10_000, `a line of the log has ${longest} characters`);
    });
  }
});
