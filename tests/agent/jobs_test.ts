/**
 * Jobs end to end: output as it arrives, input, signals, and what outlives a host or an agent.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import * as z from "zod";
import { COMMAND_FAILED, INVALID_PARAMS, NOT_FOUND, PERMISSION_DENIED } from "../_error_codes.ts";
import { isAlive } from "../_processes.ts";
import { timed, until } from "../_waiting.ts";
import { makePaths, TestAgent } from "./_agent.ts";
import { assertRefused, resultOf } from "./_host.ts";
import { readAll, readJob, script, startJob, statusOf } from "./_jobs.ts";

const TOO_MANY_REQUESTS = -32004;

Deno.test("a job's output arrives while it runs, in order, with its streams", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const started = await startJob(
    host,
    script("order", "echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three; exit 3"),
  );
  assertEquals([started.started, started.state], [true, "running"]);
  const first = await readJob(host, { job_id: "order", wait_seconds: 10 });
  assertEquals(first.output, [{ stream: "stdout", data: "one\n" }]);
  const { text, order, end } = await readAll(host, { job_id: "order", cursor: first.cursor });
  assertEquals(text, { stdout: "three\n", stderr: "two\n", tty: "" });
  assertEquals(order, ["stderr", "stdout"]);
  assertEquals([end.state, end.exit_code, end.ended_by], ["ended", 3, "itself"]);
  const again = await readAll(host, { job_id: "order", encoding: "base64" });
  assertEquals(again.text, { stdout: "one\nthree\n", stderr: "two\n", tty: "" });
});

Deno.test("a job outlives its host, and the next one reads on", async () => {
  await using agent = await TestAgent.start();
  let cursor: string;
  {
    await using host = await agent.connect();
    await startJob(
      host,
      script("long", "echo a; read line; echo $line", { keep_input_open: true }),
    );
    cursor = (await readJob(host, { job_id: "long", wait_seconds: 10 })).cursor;
  }
  await using host = await agent.connect();
  await host.call("job_write", { job_id: "long", data: "bread\n" }, z.unknown());
  const { text } = await readAll(host, { job_id: "long", cursor });
  assertEquals(text.stdout, "bread\n");
});

Deno.test("the same request is the same job, another one with its id is refused", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const request = script("once", "echo x; sleep 300", { env: { A: "1", B: "2" } });
  const ids = await Promise.all([startJob(host, request), startJob(host, request)]);
  assertEquals(ids.map(({ started }) => started).sort(), [false, true]);
  assertEquals(ids[0]?.pid, ids[1]?.pid);
  const reordered = { ...request, env: { B: "2", A: "1" } };
  assertEquals((await startJob(host, reordered)).started, false);
  for (const other of [{ env: { A: "1" } }, { timeout_seconds: 5 }, { input: "x" }]) {
    const answer = await host.request("job_start", { ...request, ...other });
    assertRefused(answer, INVALID_PARAMS, /^job_id once belongs to a job with other parameters/);
  }
});

Deno.test("input reaches the program once, in order, however often it is sent", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(host, { job_id: "cat", command: "cat", input: "a", keep_input_open: true });
  const write = (params: Record<string, unknown>) =>
    host.call("job_write", { job_id: "cat", ...params }, z.looseObject({ input_bytes: z.int() }));
  await write({ data: "bc", offset: 1 });
  await write({ data: "bc", offset: 1 });
  await write({ data: "bcd", offset: 1 });
  assertEquals((await write({ data: "ZQ==", encoding: "base64" })).input_bytes, 5);
  assertRefused(
    await host.request("job_write", { job_id: "cat", data: "x", offset: 6 }),
    INVALID_PARAMS,
    /^offset must be at most 5/,
  );
  await startJob(host, script("deaf", "exec sleep 300", { keep_input_open: true }));
  const last = { job_id: "deaf", data: "last", end: true };
  assertEquals((await write(last)).input_bytes, 4);
  assertEquals((await write({ ...last, offset: 0 })).input_bytes, 4);
  const late = await host.request("job_write", { job_id: "deaf", data: "more" });
  assertRefused(late, COMMAND_FAILED, /^the input of this job has already ended$/);
  await write({ data: "f", end: true });
  const { text, end } = await readAll(host, { job_id: "cat" });
  assertEquals([text.stdout, end.exit_code], ["abcdef", 0]);
  // Its answer may have been lost with a connection.
  assertEquals((await write({ data: "f", offset: 5, end: true })).input_bytes, 6);
  assertRefused(
    await host.request("job_write", { job_id: "cat", data: "x" }),
    COMMAND_FAILED,
    /has ended$/,
  );
});

Deno.test("input for a program that does not read is taken only as far as there is room", async () => {
  await using agent = await TestAgent.start({
    config: () => ({ max_message_size_kb: 16_384 }),
  });
  await using host = await agent.connect();
  await startJob(host, script("deaf", "sleep 300", { keep_input_open: true }));
  const data = "x".repeat(10 * 1024 * 1024);
  const Written = z.strictObject({
    accepted_bytes: z.int(),
    input_bytes: z.int(),
    input_open: z.boolean(),
  });
  const first = await host.call("job_write", { job_id: "deaf", data, end: true }, Written);
  assertEquals(first, { accepted_bytes: 64 * 1024, input_bytes: 64 * 1024, input_open: true });
  let total = first.input_bytes;
  // The pipe takes some of it.
  await until(async () => {
    const params = { job_id: "deaf", data, offset: total };
    total = (await host.call("job_write", params, Written)).input_bytes;
    return (await host.call("job_write", { job_id: "deaf", data: "y" }, Written)).accepted_bytes ===
      0;
  }, "the pipe to be full");
  assert(total < 512 * 1024, `${total}`);
  const waiting = await host.start("job_write", { job_id: "deaf", data: "y", wait_seconds: 60 });
  await host.ping();
  await host.call("job_signal", { job_id: "deaf", signal: "SIGKILL" }, z.unknown());
  assertRefused(await host.answerTo(waiting), COMMAND_FAILED, /has ended$/);
});

Deno.test("a job is ended by a signal, by its time, and not by another job's end", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(host, script("signalled", "sleep 300 & wait"));
  await startJob(host, script("late", "echo out; sleep 300", { timeout_seconds: 1 }));
  await startJob(host, script("other", "sleep 300"));
  await host.call("job_signal", { job_id: "signalled", signal: "SIGTERM" }, z.unknown());
  const signalled = await statusOf(host, "signalled", 10);
  assertEquals([signalled.exit_code, signalled.signal, signalled.ended_by], [
    143,
    "SIGTERM",
    "itself",
  ]);
  const { text, end } = await readAll(host, { job_id: "late" });
  assertEquals([text.stdout, end.exit_code, end.ended_by], ["out\n", 143, "timeout"]);
  assertEquals((await statusOf(host, "other")).state, "running");
  assertRefused(
    await host.request("job_signal", { job_id: "late", signal: "SIGTERM" }),
    COMMAND_FAILED,
    /^job late has ended$/,
  );
  assertRefused(
    await host.request("job_signal", { job_id: "other", signal: "SIGNOPE" }),
    INVALID_PARAMS,
    /signal/,
  );
  assertRefused(await host.request("job_forget", { job_id: "other" }), COMMAND_FAILED, /running/);
  await host.call("job_forget", { job_id: "late" }, z.unknown());
  assertRefused(
    await host.request("job_read", { job_id: "late" }),
    NOT_FOUND,
    /^there is no job late/,
  );
});

Deno.test("waiting reads hold no slot; the 33rd is refused; rpc.cancel ends one", async () => {
  await using agent = await TestAgent.start({ config: () => ({ max_concurrent_requests: 1 }) });
  await using host = await agent.connect();
  await startJob(host, script("quiet", "read line; echo $line", { keep_input_open: true }));
  const read = { job_id: "quiet", wait_seconds: 60 };
  const waiting: string[] = [];
  for (let count = 0; count < 32; count++) waiting.push(await host.start("job_read", read));
  assertRefused(
    await host.request("job_read", read),
    TOO_MANY_REQUESTS,
    /32 requests of this host/,
  );
  await host.ping();
  const cancelled = waiting.shift();
  await host.call("rpc.cancel", { id: cancelled }, z.strictObject({ cancelled: z.literal(true) }));
  assertRefused(await host.answerTo(cancelled), COMMAND_FAILED, /cancelled/);
  await host.call("job_write", { job_id: "quiet", data: "go\n" }, z.unknown());
  for (const id of waiting) {
    const { output } = resultOf(
      await host.answerTo(id),
      z.looseObject({ output: z.array(z.unknown()) }),
    );
    assertEquals(output.length, 1);
  }
});

Deno.test("a waiting read answers with nothing when its time is over, or when the agent stops", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(host, script("quiet", "sleep 300"));
  const { value, ms } = await timed(() => readJob(host, { job_id: "quiet", wait_seconds: 1 }));
  assertEquals([value.output, value.eof], [[], false]);
  assert(ms >= 900, `${ms}`);
  const id = await host.start("job_read", { job_id: "quiet", wait_seconds: 60 });
  await host.ping();
  agent.kill("SIGTERM");
  const { output } = resultOf(
    await host.answerTo(id),
    z.looseObject({ output: z.array(z.unknown()) }),
  );
  assertEquals(output, []);
});

Deno.test("old output is dropped, counted and told", async () => {
  await using agent = await TestAgent.start({ config: () => ({ jobs: { max_output_mb: 1 } }) });
  await using host = await agent.connect();
  // 8 bytes a line.
  await startJob(host, script("much", "seq -f %07g 0 499999"));
  await statusOf(host, "much", 60);
  const { text, lost } = await readAll(host, { job_id: "much", encoding: "base64" });
  assert(lost > 2_500_000 && lost + text.stdout.length === 4_000_000, `${lost}`);
  const first = Number(lost / 8);
  const [line] = text.stdout.slice((8 - lost % 8) % 8).split("\n");
  assertEquals(Number(line), Math.ceil(first));
  assertEquals(text.stdout.slice(-8), "0499999\n");
});

for (const end of ["SIGKILL", "SIGTERM"] as const) {
  Deno.test(`after ${end} of the agent its jobs are lost, with their output`, async () => {
    const paths = await makePaths();
    const request = script("left", "while echo $((n += 1)); do :; done");
    let pid = 0;
    let text = "";
    {
      const agent = await TestAgent.start({ paths });
      const host = await agent.connect();
      pid = (await startJob(host, request)).pid ?? 0;
      const read = await readAll(host, { job_id: "left" }, (text) => text.length > 1_000_000);
      text = read.text.stdout;
      agent.kill(end);
      await agent.ended();
      await host.close();
    }
    await using agent = await TestAgent.start({ paths });
    await using host = await agent.connect();
    // Its output is closed.
    await until(async () => !await isAlive(pid), "the end of the job");
    const all = await readAll(host, { job_id: "left" });
    assertEquals([all.end.state, all.end.exit_code, all.lost], ["lost", undefined, 0]);
    const kept = all.text.stdout;
    assert(kept.length >= text.length && kept.startsWith(text));
    const numbers = kept.split("\n").slice(0, -1).map(Number);
    assert(numbers.every((number, index) => number === index + 1), "a number is missing");
    const repeated = await startJob(host, request);
    assertEquals([repeated.started, repeated.state], [false, "lost"]);
    for (
      const [method, more] of [["job_signal", { signal: "SIGTERM" }], ["job_write", {}]] as const
    ) {
      const answer = await host.request(method, { job_id: "left", ...more });
      assertRefused(answer, COMMAND_FAILED, /^job left (has ended|was lost)/);
    }
    await host.call("job_forget", { job_id: "left" }, z.unknown());
  });
}

Deno.test("a guest that is stopped and continued loses nothing", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(host, script("count", "seq -f %09g 0 999999"));
  let stops = 0;
  const stopping = (async () => {
    while (stops < 5) {
      agent.kill("SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, 50));
      agent.kill("SIGCONT");
      stops += 1;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  })();
  const { text, lost } = await readAll(host, { job_id: "count", encoding: "base64" });
  await stopping;
  assertEquals([lost, text.stdout.length], [0, 10_000_000]);
  const lines = text.stdout.split("\n");
  assert(lines.slice(0, -1).every((line, index) => Number(line) === index));
});

Deno.test("jobs beyond the limits are refused, and ended ones make room", async () => {
  await using agent = await TestAgent.start({
    config: () => ({ jobs: { max_running: 2, max_kept: 3, max_seconds: 100, keep_seconds: 50 } }),
  });
  await using host = await agent.connect();
  await startJob(host, script("a", "sleep 300"));
  await startJob(host, script("b", "sleep 300"));
  assertRefused(
    await host.request("job_start", script("c", "true")),
    TOO_MANY_REQUESTS,
    /^2 jobs are running/,
  );
  await host.call("job_signal", { job_id: "b", signal: "SIGKILL" }, z.unknown());
  await statusOf(host, "b", 10);
  for (let count = 0; count < 10; count++) {
    await startJob(host, script(`n${count}`, "true"));
    await statusOf(host, `n${count}`, 10);
  }
  const List = z.looseObject({ jobs: z.array(z.looseObject({ job_id: z.string() })) });
  const { jobs } = await host.call("job_list", {}, List);
  assertEquals(jobs.map(({ job_id }) => job_id), ["a", "n8", "n9"]);
  for (const [name, value] of [["timeout_seconds", 101], ["keep_seconds", 51]] as const) {
    const answer = await host.request("job_start", script("d", "true", { [name]: value }));
    assertRefused(answer, INVALID_PARAMS, new RegExp(`^${name} must be at most`));
  }
  const kept = Deno.readDir(`${agent.paths.directory}/state/jobs`);
  const folders = (await Array.fromAsync(kept)).map(({ name }) => name);
  assertEquals(folders.sort(), ["a", "n8", "n9"]);
});

Deno.test("an ended job is forgotten after its time", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(host, script("short", "true", { keep_seconds: 0 }));
  await until(
    async () => "error" in await host.request("job_status", { job_id: "short" }),
    "the job to be forgotten",
  );
});

Deno.test("jobs obey the rules of commands", async () => {
  await using agent = await TestAgent.start({
    config: () => ({ security: { command_whitelist: ["sh"] } }),
  });
  await using host = await agent.connect();
  const start = (params: Record<string, unknown>) => host.request("job_start", params);
  assertRefused(await start({ job_id: "a", command: "ls" }), PERMISSION_DENIED, /whitelist/);
  assertRefused(
    await start(script("a", "true", { env: { LD_PRELOAD: "x" } })),
    PERMISSION_DENIED,
    /LD_PRELOAD/,
  );
  assertRefused(
    await start(script("a", "true", { working_directory: "/missing" })),
    NOT_FOUND,
    /\/missing does not exist/,
  );
  await startJob(host, script("env", "echo $HOME $TERM $PATH; pwd", { env: { TZ: "UTC" } }));
  const { text } = await readAll(host, { job_id: "env" });
  assertMatch(text.stdout, /^\/\S+ dumb \/usr\/local\/sbin:\S+\n\/\n$/);
  // Without the right to run every program, Deno does not let the agent send signals.
  await startJob(host, script("signal", "sleep 300"));
  await host.call("job_signal", { job_id: "signal", signal: "SIGINT" }, z.unknown());
  assertEquals((await statusOf(host, "signal", 10)).exit_code, 130);
});

Deno.test("an agent that may run nothing has no jobs", async () => {
  await using agent = await TestAgent.start({
    config: () => ({ security: { command_whitelist: [] } }),
  });
  await using host = await agent.connect();
  const Info = z.looseObject({ capabilities: z.array(z.string()) });
  const { capabilities } = await host.call("get_agent_info", {}, Info);
  assertEquals(capabilities.filter((one) => one === "jobs" || one === "terminal"), []);
  assertRefused(
    await host.request("job_start", { job_id: "a", command: "sh" }),
    PERMISSION_DENIED,
    /whitelist/,
  );
});

Deno.test("without a state directory jobs are in memory, with less output", async () => {
  await using agent = await TestAgent.start({ config: () => ({ state_directory: null }) });
  await using host = await agent.connect();
  await startJob(host, script("memory", "seq -f %07g 0 99999"));
  await statusOf(host, "memory", 60);
  const { text, lost } = await readAll(host, { job_id: "memory", encoding: "base64" });
  assertEquals(lost + text.stdout.length, 800_000);
  assert(text.stdout.length <= 128 * 1024 && text.stdout.endsWith("0099999\n"));
});

Deno.test("bad parameters of jobs are refused by name", async (t) => {
  await using agent = await TestAgent.start({ config: () => ({ max_message_size_kb: 2048 }) });
  await using host = await agent.connect();
  await startJob(host, script("one", "echo text"));
  await startJob(host, script("two", "echo text"));
  const { cursor } = (await readAll(host, { job_id: "one" })).end;
  await readAll(host, { job_id: "two" });
  const [instance] = cursor.split(".");
  const ids = [
    "",
    ".",
    "..",
    "a/b",
    "../x",
    "/",
    "-x",
    "a b",
    "a\n",
    "ä",
    "x".repeat(65),
    "x".repeat(2 ** 20),
  ];
  for (const job_id of ids) {
    await t.step(`job_id ${JSON.stringify(job_id).slice(0, 20)} of ${job_id.length}`, async () => {
      for (const method of ["job_start", "job_read", "job_forget"]) {
        const params = method === "job_start" ? { job_id, command: "true" } : { job_id };
        assertRefused(await host.request(method, params), INVALID_PARAMS, /^job_id must be/);
      }
    });
  }
  const cursors = {
    "of another job": `${cursor.replace(/^./, (digit) => digit === "0" ? "1" : "0")}`,
    "from the future": `${instance}.6`,
    "beyond every number": `${instance}.9999999999999999999`,
    negative: `${instance}.-1`,
    fractional: `${instance}.1.5`,
    garbage: "garbage",
    empty: "",
    number: 5,
    long: "0".repeat(2 ** 20),
  };
  for (const [name, cursor] of Object.entries(cursors)) {
    await t.step(`a cursor ${name}`, async () => {
      const answer = await host.request("job_read", { job_id: "one", cursor });
      assertRefused(answer, INVALID_PARAMS, /^cursor /);
    });
  }
  await t.step("the cursor of a forgotten job with the same id", async () => {
    await host.call("job_forget", { job_id: "two" }, z.unknown());
    const again = await startJob(host, script("two", "echo text"));
    assertNotEquals(again.end_cursor.split(".")[0], instance);
    const answer = await host.request("job_read", { job_id: "two", cursor });
    assertRefused(answer, INVALID_PARAMS, /^cursor belongs to another job/);
  });
  for (const wait_seconds of [-1, 1e9, 0.5, 61, "1", null]) {
    await t.step(`wait_seconds ${wait_seconds}`, async () => {
      for (const method of ["job_read", "job_status", "job_write"]) {
        const answer = await host.request(method, { job_id: "one", wait_seconds });
        assertRefused(answer, INVALID_PARAMS, /^wait_seconds must be/);
      }
    });
  }
  for (
    const size of [{ rows: 0, cols: 80 }, { rows: 100_000, cols: 80 }, { rows: 24.5, cols: 80 }, {
      rows: 24,
    }]
  ) {
    await t.step(`a terminal of ${JSON.stringify(size)}`, async () => {
      const resized = await host.request("job_resize", { job_id: "one", ...size });
      assertRefused(resized, INVALID_PARAMS, /rows|cols/);
      const started = await host.request("job_start", {
        job_id: "tty",
        command: "true",
        tty: size,
      });
      assertRefused(started, INVALID_PARAMS, /rows|cols/);
    });
  }
  await t.step("a job without a terminal has no size", async () => {
    await startJob(host, script("plain", "sleep 300"));
    const answer = await host.request("job_resize", { job_id: "plain", rows: 1, cols: 1 });
    assertRefused(answer, COMMAND_FAILED, /has no terminal/);
  });
});
