/**
 * The audit file from end to end: what it records, and when it is written.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { EXIT } from "../../commands/exit.ts";
import { fileRead } from "../../handlers/files/file_read.ts";
import {
  type AgentOptions,
  configuration,
  makePaths,
  type Paths,
  runAgent,
  TestAgent,
} from "./_agent.ts";
import { assertRefused, type Host } from "./_host.ts";
import { command, monitored, startMonitored } from "./_monitor.ts";
import { endLeftOver } from "../_processes.ts";
import { tinyDisk } from "./_tiny_disk.ts";
import { PERMISSION_DENIED } from "../_error_codes.ts";
import { until } from "../_waiting.ts";

const Line = z.looseObject({
  time: z.string(),
  event: z.string(),
  who: z.optional(z.string()),
  what: z.optional(z.string()),
  target: z.optional(z.record(z.string(), z.unknown())),
  outcome: z.optional(z.string()),
});

const auditOf = ({ directory }: Paths) => `${directory}/audit.jsonl`;

async function linesIn(path: string) {
  const text = await Deno.readTextFile(path);
  assert(text === "" || text.endsWith("\n"), "the last line ends with a newline");
  return text.split("\n").slice(0, -1).map((line) => z.parse(Line, JSON.parse(line)));
}

const audited = (options: Readonly<Record<string, unknown>> = {}): AgentOptions => ({
  config: (paths) => ({ audit_file: auditOf(paths), ...options }),
});

const write = (host: Host, path: string, content = "a secret") =>
  host.request("file_write", { path, content });

/** Ends an agent that is expected to have logged errors. */
async function endWithErrors(agent: TestAgent, errors: readonly string[]): Promise<void> {
  agent.kill("SIGTERM");
  assertEquals((await agent.ended()).code, 0, agent.logTail);
  const told = agent.log.filter(({ level }) => level === "error").map(({ message }) => message);
  assertEquals(told, errors);
}

Deno.test("each operation has its lines before its answer arrives, with names and without contents", async () => {
  await using agent = await TestAgent.start(audited());
  await using host = await agent.connect();
  const path = `${agent.paths.files}/f`;
  const steps: [method: string, params: Record<string, unknown>, target: unknown, ok: boolean][] = [
    ["file_write", { path, content: "a secret" }, { path }, true],
    ["file_write", { path, content: "a secret", offset: 3 }, { path, offset: 3 }, true],
    ["file_read", { path }, { path }, true],
    ["file_read", { path: "/etc/shadow" }, { path: "/etc/shadow" }, false],
    ["exec_command", { command: "echo", args: ["a secret"] }, { command: "echo" }, true],
    ["exec_command", { command: "nowhere" }, { command: "nowhere" }, false],
    ["shutdown", {}, { timeout_seconds: 60, force: false }, false],
    ["reboot", { force: true }, { timeout_seconds: 60, force: true }, false],
  ];
  let seen = 0;
  for (const [method, params, target, isGood] of steps) {
    assertEquals("result" in await host.request(method, params), isGood);
    const [begin, end, ...more] = (await linesIn(auditOf(agent.paths))).slice(seen);
    seen += 2;
    assertEquals(more, []);
    assertEquals([begin?.event, end?.event], ["begin", "end"], method);
    assertEquals([end?.who, end?.what, end?.target], ["channel", method, target]);
    assertEquals(begin?.audit_id, end?.audit_id);
    assertEquals(end?.outcome, isGood ? "ok" : "error");
    assertEquals("code" in (end ?? {}), !isGood);
  }
  for (const method of ["ping", "get_agent_info", "get_system_info", "get_disk_usage"]) {
    assert("result" in await host.request(method));
  }
  assert(!("result" in await host.request("file_read", { path: 1 })), "refused by its schema");
  assertEquals((await linesIn(auditOf(agent.paths))).length, seen, "nothing else is told");
  assert(!(await Deno.readTextFile(auditOf(agent.paths))).includes("secret"));
  assertEquals(((await Deno.stat(auditOf(agent.paths))).mode ?? 0) & 0o007, 0);
});

Deno.test("pieces of a file that were read ahead are recorded like the first", async () => {
  await using agent = await TestAgent.start(audited());
  await using host = await agent.connect();
  const path = `${agent.paths.files}/f`;
  const content = crypto.getRandomValues(new Uint8Array(50_000));
  await Deno.writeFile(path, content);
  const { mtime } = await Deno.stat(path);
  await until(() => Date.now() > (mtime?.getTime() ?? 0) + 50, "a file that is read ahead");
  const length = 10_000;
  for (let offset = 0; offset < content.byteLength; offset += length) {
    const params = { path, encoding: "base64", offset, length };
    const read = await host.call("file_read", params, fileRead.result);
    assertEquals(Uint8Array.fromBase64(read.content), content.slice(offset, offset + length));
  }
  const begun = (await linesIn(auditOf(agent.paths))).filter(({ event }) => event === "begin");
  assertEquals(begun.map(({ target }) => target?.offset), [0, 10_000, 20_000, 30_000, 40_000]);
});

Deno.test("notifications and batches are recorded as well", async () => {
  await using agent = await TestAgent.start(audited());
  await using host = await agent.connect();
  const params = { path: `${agent.paths.files}/f`, content: "x" };
  const one = { jsonrpc: "2.0", method: "file_write", params };
  await host.send(`${JSON.stringify([one, { ...one, id: 1 }])}\n`);
  await host.take(Array.isArray, "the answer of the batch");
  assertEquals((await linesIn(auditOf(agent.paths))).length, 4);
});

Deno.test("an agent that dies during an operation has recorded that it began", async () => {
  const paths = await (async () => {
    const agent = await TestAgent.start(audited({ audit: "required" }));
    await using host = await agent.connect();
    const pidFile = `${agent.paths.files}/pid`;
    const script = `echo $$ > ${pidFile}; exec sleep 300`;
    await host.start("exec_command", { command: "sh", args: ["-c", script] });
    await until(
      async () => (await Deno.readTextFile(pidFile).catch(() => "")).endsWith("\n"),
      "the command to run",
    );
    agent.kill("SIGKILL");
    await agent.ended();
    await endLeftOver(Number(await Deno.readTextFile(pidFile)));
    return agent.paths;
  })();
  // As if it had died while writing: the next one must not continue the same line.
  await Deno.writeTextFile(auditOf(paths), '{"half', { append: true });
  await using agent = await TestAgent.start({ ...audited(), paths });
  await using host = await agent.connect();
  assert("result" in await write(host, `${paths.files}/f`));
  const lines = (await Deno.readTextFile(auditOf(paths))).trim().split("\n");
  assertEquals(lines.length, 4);
  assertEquals(lines[1], '{"half');
  const [begun, , begin, end] = lines.map((line, index) =>
    index === 1 ? undefined : z.parse(Line, JSON.parse(line))
  );
  assertEquals([begun?.event, begun?.what], ["begin", "exec_command"]);
  assertEquals([begin?.event, end?.event], ["begin", "end"]);
  assert(lines.filter((line) => line.includes(String(begun?.audit_id))).length === 1);
});

/** An agent whose audit file cannot be written since a SIGHUP: its directory is gone. */
async function startWithLostAudit(audit: "required" | "best_effort"): Promise<TestAgent> {
  const agent = await TestAgent.start({
    prepare: ({ directory }) => Deno.mkdir(`${directory}/mounted`),
    config: ({ directory }) => ({ audit_file: `${directory}/mounted/audit.jsonl`, audit }),
  });
  await Deno.rename(`${agent.paths.directory}/mounted`, `${agent.paths.directory}/elsewhere`);
  agent.kill("SIGHUP");
  await agent.logged(({ message }) => message === "the audit file cannot be written", "it");
  return agent;
}

for (const audit of ["required", "best_effort"] as const) {
  Deno.test(`${audit}: an agent that cannot create its audit file does not start, and says how`, async () => {
    const paths = await makePaths();
    const audit_file = `${paths.directory}/missing/audit.jsonl`;
    const config = configuration(paths, { audit_file, audit });
    await Deno.writeTextFile(paths.configFile, JSON.stringify(config));
    const { code, stderr } = await runAgent([
      ...["--channel", `listen:${paths.socket}`, "--config", paths.configFile],
    ]);
    assertEquals(code, EXIT.config, stderr);
    assertMatch(
      stderr,
      /config\.json: audit_file .* cannot be written: .*; run as root: mkdir -p .* && install -m 0640 -o \d+ /,
    );
    await Deno.remove(paths.directory, { recursive: true });
  });
}

Deno.test("required: operations are refused until they can be recorded", async () => {
  const agent = await startWithLostAudit("required");
  await using _agent = agent;
  await using host = await agent.connect();
  const { files, directory } = agent.paths;
  assertRefused(
    await write(host, `${files}/f`),
    PERMISSION_DENIED,
    /the audit file cannot be written \(.*\), and audit is "required"; the request was not carried out/,
  );
  assertEquals(await Array.fromAsync(Deno.readDir(files)), [], "nothing was done");
  const params = { command: "touch", args: [`${files}/touched`] };
  assertRefused(await host.request("exec_command", params), PERMISSION_DENIED, /audit/);
  assertEquals(await Array.fromAsync(Deno.readDir(files)), [], "nothing was done");
  await host.ping();
  assert(
    "result" in await host.request("get_system_info"),
    "methods that return only facts keep working",
  );
  await Deno.mkdir(`${directory}/mounted`);
  assert("result" in await write(host, `${files}/f`), "without a restart");
  assertEquals((await linesIn(`${directory}/mounted/audit.jsonl`)).length, 2);
  await endWithErrors(agent, [
    "the audit file cannot be written",
    "the configuration was not reloaded",
  ]);
});

Deno.test("best effort: operations continue, and the log reports missing records", async () => {
  const agent = await startWithLostAudit("best_effort");
  await using _agent = agent;
  await using host = await agent.connect();
  const { files, directory } = agent.paths;
  assert("result" in await write(host, `${files}/f`));
  await Deno.mkdir(`${directory}/mounted`);
  assert("result" in await write(host, `${files}/f`));
  const lines = await linesIn(`${directory}/mounted/audit.jsonl`);
  assertEquals(lines.map(({ event }) => event), ["missing", "begin", "end"]);
  assertEquals(lines[0]?.lines, 4, "those of the reload and of the write");
  await endWithErrors(agent, ["the audit file cannot be written"]);
});

Deno.test("required: on a disk that fills up, every missing record is a refused operation", async () => {
  const wrapper = await tinyDisk({ on: ({ directory }) => `${directory}/disk` });
  // If nothing can be mounted, only the tests above run.
  if (wrapper === undefined) return;
  const agent = await TestAgent.start({
    config: ({ directory }) => ({ audit_file: `${directory}/disk/audit.jsonl`, audit: "required" }),
    prepare: ({ directory }) => Deno.mkdir(`${directory}/disk`),
    wrapper,
  });
  await using _agent = agent;
  await using host = await agent.connect();
  const path = `${agent.paths.files}/f`;
  let done = 0;
  for (;;) {
    const answer = await write(host, path, String(done));
    if (!("result" in answer)) {
      assertMatch(JSON.stringify(answer), /No space left|os error 28/);
      break;
    }
    done += 1;
  }
  assert(done > 50, `${done} fitted`);
  const audit = `/proc/${agent.pid}/root${agent.paths.directory}/disk/audit.jsonl`;
  const text = await Deno.readTextFile(audit);
  const ends = text.match(/"event":"end".*"outcome":"ok"/g)?.length;
  assertEquals(ends, done, "every successful operation is recorded completely");
  // There is room again, and the torn line is terminated.
  await Deno.truncate(audit, Math.floor(text.length / 2));
  assert("result" in await write(host, path), "the agent goes on");
  await endWithErrors(agent, ["the audit file cannot be written"]);
});

Deno.test("SIGHUP reopens the file after it was moved, and is recorded itself", async () => {
  await using agent = await TestAgent.start(audited());
  await using host = await agent.connect();
  const path = `${agent.paths.files}/f`;
  await write(host, path);
  await Deno.rename(auditOf(agent.paths), `${auditOf(agent.paths)}.1`);
  agent.kill("SIGHUP");
  await agent.logged(({ message }) => message === "configuration reloaded", "it was reloaded");
  await write(host, path);
  assertEquals((await linesIn(`${auditOf(agent.paths)}.1`)).length, 2);
  const lines = await linesIn(auditOf(agent.paths));
  assertEquals(lines.map(({ event, who, what }) => [event, who, what]), [
    ["begin", "signal", "SIGHUP"],
    ["end", "signal", "SIGHUP"],
    ["begin", "channel", "file_write"],
    ["end", "channel", "file_write"],
  ]);
  assertEquals([lines[1]?.outcome, lines[1]?.changed], ["ok", []]);
});

Deno.test("a reload by a program of the guest is recorded, with the keys that changed", async () => {
  await using agent = await startMonitored(audited());
  await command(agent, "agent.Ping");
  const config = configuration(agent.paths, {
    ...monitored(agent.paths),
    audit_file: auditOf(agent.paths),
    max_requests_per_second: 7,
  });
  await Deno.writeTextFile(agent.paths.configFile, JSON.stringify(config));
  assertEquals((await command(agent, "agent.ReloadConfig")).Status, 0);
  const lines = await linesIn(auditOf(agent.paths));
  assertEquals(lines.map(({ event, who, what }) => [event, who, what]), [
    ["begin", "monitor", "agent.ReloadConfig"],
    ["end", "monitor", "agent.ReloadConfig"],
  ]);
  assertEquals(lines[1]?.outcome, "ok");
  assertEquals(lines[1]?.changed, ["max_requests_per_second"]);
});

Deno.test("a reload that fails is recorded with its reason", async () => {
  await using agent = await startMonitored(audited());
  await Deno.writeTextFile(agent.paths.configFile, '{"log_level":"loud"}');
  assertEquals((await command(agent, "agent.ReloadConfig")).Status, 105);
  const [, end] = await linesIn(auditOf(agent.paths));
  assertEquals(end?.outcome, "error");
  assertMatch(String(end?.reason), /log_level must be one of/);
});
