/**
 * The audit file from end to end: what it tells, and when it is there.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { type AgentOptions, type Paths, TestAgent } from "./_agent.ts";
import { assertRefused, type Host } from "./_host.ts";
import { command, startMonitored } from "./_monitor.ts";
import { endLeftOver } from "../_processes.ts";
import { tinyDisk } from "./_tiny_disk.ts";
import { until } from "../_waiting.ts";
import { PERMISSION_DENIED } from "../_error_codes.ts";

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
  assert(text === "" || text.endsWith("\n"), "the last line has its end");
  return text.split("\n").slice(0, -1).map((line) => z.parse(Line, JSON.parse(line)));
}

const audited = (options: Readonly<Record<string, unknown>> = {}): AgentOptions => ({
  config: (paths) => ({ audit_file: auditOf(paths), ...options }),
});

const write = (host: Host, path: string, content = "a secret") =>
  host.request("file_write", { path, content });

/** Ends an agent whose log tells of an error, as it should. */
async function endWithErrors(agent: TestAgent, errors: readonly string[]): Promise<void> {
  agent.kill("SIGTERM");
  assertEquals((await agent.ended()).code, 0, agent.logTail);
  const told = agent.log.filter(({ level }) => level === "error").map(({ message }) => message);
  assertEquals(told, errors);
}

Deno.test("each thing that is done has its lines when the answer comes, names and no contents", async () => {
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

Deno.test("notifications and batches are told of as well", async () => {
  await using agent = await TestAgent.start(audited());
  await using host = await agent.connect();
  const params = { path: `${agent.paths.files}/f`, content: "x" };
  const one = { jsonrpc: "2.0", method: "file_write", params };
  await host.send(`${JSON.stringify([one, { ...one, id: 1 }])}\n`);
  await host.take(Array.isArray, "the answer of the batch");
  assertEquals((await linesIn(auditOf(agent.paths))).length, 4);
});

Deno.test("an agent that dies in the middle has told what it began", async () => {
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
  // As if it had died while it wrote: the next one must not go on in the same line.
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

Deno.test("required: what cannot be written down is refused, until it can be", async () => {
  const agent = await TestAgent.start({
    config: ({ directory }) => ({
      audit_file: `${directory}/mounted-later/audit.jsonl`,
      audit: "required",
    }),
  });
  await using _agent = agent;
  await using host = await agent.connect();
  const { files, directory } = agent.paths;
  assertRefused(
    await write(host, `${files}/f`),
    PERMISSION_DENIED,
    /the audit file cannot be written \(.*\), and audit is "required": nothing was done/,
  );
  assertEquals(await Array.fromAsync(Deno.readDir(files)), [], "nothing was done");
  const params = { command: "touch", args: [`${files}/touched`] };
  assertRefused(await host.request("exec_command", params), PERMISSION_DENIED, /audit/);
  assertEquals(await Array.fromAsync(Deno.readDir(files)), [], "nothing was done");
  await host.ping();
  assert("result" in await host.request("get_system_info"), "what is only told goes on");
  await Deno.mkdir(`${directory}/mounted-later`);
  assert("result" in await write(host, `${files}/f`), "without a new start");
  assertEquals((await linesIn(`${directory}/mounted-later/audit.jsonl`)).length, 2);
  await endWithErrors(agent, ["the audit file cannot be written"]);
});

Deno.test("best effort: it is done all the same, and the log says that the file has gaps", async () => {
  const agent = await TestAgent.start({
    config: ({ directory }) => ({ audit_file: `${directory}/mounted-later/audit.jsonl` }),
  });
  await using _agent = agent;
  await using host = await agent.connect();
  const { files, directory } = agent.paths;
  assert("result" in await write(host, `${files}/f`));
  await Deno.mkdir(`${directory}/mounted-later`);
  assert("result" in await write(host, `${files}/f`));
  const lines = await linesIn(`${directory}/mounted-later/audit.jsonl`);
  assertEquals(lines.map(({ event }) => event), ["missing", "begin", "end"]);
  assertEquals(lines[0]?.lines, 2);
  await endWithErrors(agent, ["the audit file cannot be written"]);
});

Deno.test("required, on a disk that fills up: no line is lost without a refusal", async () => {
  const wrapper = await tinyDisk({ on: ({ directory }) => `${directory}/disk` });
  // Where nothing can be mounted, the tests above are what there is.
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
  assertEquals(ends, done, "each that was answered well is written down whole");
  // Room again, with the line that was torn closed off.
  await Deno.truncate(audit, Math.floor(text.length / 2));
  assert("result" in await write(host, path), "the agent goes on");
  await endWithErrors(agent, ["the audit file cannot be written"]);
});

Deno.test("SIGHUP opens the file anew, after it was moved", async () => {
  await using agent = await TestAgent.start(audited());
  await using host = await agent.connect();
  const path = `${agent.paths.files}/f`;
  await write(host, path);
  await Deno.rename(auditOf(agent.paths), `${auditOf(agent.paths)}.1`);
  agent.kill("SIGHUP");
  await agent.logged(({ message }) => message === "configuration reloaded", "it was reloaded");
  await write(host, path);
  assertEquals((await linesIn(`${auditOf(agent.paths)}.1`)).length, 2);
  assertEquals((await linesIn(auditOf(agent.paths))).length, 2);
});

Deno.test("a new configuration that a program of the guest puts into effect is told of", async () => {
  await using agent = await startMonitored(audited());
  await command(agent, "agent.Ping");
  assertEquals((await command(agent, "agent.ReloadConfig")).Status, 0);
  const lines = await linesIn(auditOf(agent.paths));
  assertEquals(lines.map(({ event, who, what }) => [event, who, what]), [
    ["begin", "monitor", "agent.ReloadConfig"],
    ["end", "monitor", "agent.ReloadConfig"],
  ]);
  assertEquals(lines[1]?.outcome, "ok");
});
