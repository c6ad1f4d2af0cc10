/**
 * A configuration that changes while the agent runs: SIGHUP and `agent.ReloadConfig`.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { type Configuration, configuration, type TestAgent } from "./_agent.ts";
import { assertRefused, resultOf } from "./_host.ts";
import { command, monitored, startMonitored, succeed } from "./_monitor.ts";

const Report = z.strictObject({
  Status: z.literal(0),
  StatusMessage: z.string(),
  Changed: z.array(z.string()),
  NeedRestart: z.array(z.string()),
  Refused: z.array(z.string()),
});

const Content = z.looseObject({ content: z.string() });

/** Writes another configuration; keys that it does not name are as at the start. */
async function rewrite({ paths }: TestAgent, changes: Configuration): Promise<void> {
  const config = configuration(paths, { ...monitored(paths), ...changes });
  await Deno.writeTextFile(paths.configFile, JSON.stringify(config));
}

/** Changes the configuration by `agent.ReloadConfig`. */
async function reload(agent: TestAgent, changes: Configuration): Promise<z.output<typeof Report>> {
  await rewrite(agent, changes);
  return await succeed(agent, "agent.ReloadConfig", Report);
}

Deno.test("an unchanged configuration changes nothing", async () => {
  await using agent = await startMonitored();
  assertEquals(await reload(agent, {}), {
    Status: 0,
    StatusMessage: "",
    Changed: [],
    NeedRestart: [],
    Refused: [],
  });
});

Deno.test("policy and limits change without dropping the channel", async () => {
  await using agent = await startMonitored({
    prepare: ({ files }) => Deno.writeTextFile(`${files}/f`, "content"),
  });
  await using host = await agent.connect();
  const path = `${agent.paths.files}/f`;
  await host.call("file_read", { path }, Content);
  const report = await reload(agent, {
    security: { allowed_read_paths: [], max_file_size_mb: 1, command_whitelist: ["true"] },
  });
  assertEquals(report.Changed, [
    "security.allowed_read_paths",
    "security.command_whitelist",
    "security.max_file_size_mb",
  ]);
  assertEquals([report.NeedRestart, report.Refused], [[], []]);
  assertRefused(await host.request("file_read", { path }), -32001, /outside allowed_read_paths/);
  const echo = await host.request("exec_command", { command: "echo" });
  assertRefused(echo, -32001, /not in command_whitelist/);
  const { Changed } = await reload(agent, {});
  assertEquals(Changed, report.Changed);
  await host.call("file_read", { path }, Content);
});

Deno.test("SIGHUP does the same, and logs it", async () => {
  await using agent = await startMonitored();
  await using host = await agent.connect();
  await rewrite(agent, { security: { command_whitelist: [] } });
  agent.kill("SIGHUP");
  const line = await agent.logged(({ message }) => message === "configuration reloaded", "it");
  assertEquals(line.changed, ["security.command_whitelist"]);
  assertRefused(
    await host.request("exec_command", { command: "echo" }),
    -32001,
    /not in command_whitelist/,
  );
});

Deno.test("the message limit changes for an open connection, up and down", async () => {
  await using agent = await startMonitored();
  await using host = await agent.connect();
  const long = `{"jsonrpc":"2.0","method":"ping","id":"${"x".repeat(3000)}"}`;
  await host.ask(long);
  await reload(agent, { max_message_size_kb: 1 });
  assertRefused(await host.ask(long), -32600, /exceeds max_message_size_kb/);
  await reload(agent, { max_message_size_kb: 128 });
  const longer = "y".repeat(100_000);
  const { id } = await host.ask(`{"jsonrpc":"2.0","method":"ping","id":"${longer}"}`);
  assertEquals(id, longer);
});

Deno.test("the number of concurrent requests changes while requests run and wait", async () => {
  await using agent = await startMonitored({ config: () => ({ max_concurrent_requests: 1 }) });
  await using host = await agent.connect();
  const first = await host.start("exec_command", {
    command: "sh",
    args: ["-c", `while [ ! -e "$0/go" ]; do sleep 0.02; done`, agent.paths.files],
  });
  const second = await host.start("exec_command", {
    command: "touch",
    args: [`${agent.paths.files}/go`],
  });
  await reload(agent, { max_concurrent_requests: 2 });
  for (const id of [second, first]) {
    resultOf(await host.answerTo(id), z.looseObject({ exit_code: z.literal(0) }));
  }
  await reload(agent, { max_concurrent_requests: 1 });
  await host.ping();
});

Deno.test("rate, log level, announcement and the monitor's limits change", async () => {
  await using agent = await startMonitored();
  const { Changed } = await reload(agent, {
    ...monitored(agent.paths, { request_timeout: "50ms", max_connections: 7 }),
    max_requests_per_second: 1,
    log_level: "error",
    announce: false,
  });
  assertEquals(Changed, [
    "announce",
    "command_monitor.max_connections",
    "command_monitor.request_timeout",
    "log_level",
    "max_requests_per_second",
  ]);
  const logged = agent.log.length;
  await using host = await agent.connect();
  for (let round = 0; round < 3; round++) await host.request("ping");
  assertRefused(await host.request("ping"), -32004, /more than 1 requests per second/);
  assertEquals(host.received, [], "no agent_ready");
  assertEquals(agent.log.slice(logged).filter(({ level }) => level === "info"), []);
});

Deno.test("the log level of the command line overrides the file's", async () => {
  await using agent = await startMonitored({ args: () => ["--log-level", "info"] });
  const { Changed } = await reload(agent, { log_level: "error" });
  assertEquals(Changed, []);
});

Deno.test("keys that take effect after a restart are named, in the answer and in the log", async () => {
  await using agent = await startMonitored();
  const keys = [
    "channel_name",
    "command_monitor.enabled",
    "command_monitor.pipe_group",
    "command_monitor.pipe_mode",
    "command_monitor.pipe_path",
    "connection_retry_seconds",
    "log_file",
  ];
  for (let round = 0; round < 2; round++) {
    const report = await reload(agent, {
      channel_name: "other.0",
      connection_retry_seconds: 9,
      log_file: `${agent.paths.directory}/other.log`,
      command_monitor: {
        enabled: false,
        pipe_path: `${agent.paths.directory}/other.sock`,
        pipe_mode: "0700",
        pipe_group: "daemon",
      },
    });
    assertEquals([report.Changed, report.NeedRestart], [[], keys], "as long as they differ");
    assertEquals(report.StatusMessage, `takes effect after a restart: ${keys.join(", ")}`);
  }
  const line = await agent.logged(({ message }) => /need a restart/.test(message), "the keys");
  assertEquals([line.level, line.keys], ["warn", keys]);
  assertEquals((await command(agent, "agent.Ping")).Status, 0, "the socket is where it was");
});

Deno.test("permissions that need a restart are reported and refused until then", async () => {
  await using agent = await startMonitored({
    config: () => ({ security: { command_whitelist: ["true"] } }),
  });
  await using host = await agent.connect();
  const { Changed, Refused } = await reload(agent, {
    security: {
      allowed_read_paths: [agent.paths.files, "/etc/passwd"],
      allowed_write_paths: ["/var/cache"],
      command_whitelist: ["true", "/bin/echo"],
    },
  });
  assertEquals(Changed, [
    "security.allowed_read_paths",
    "security.allowed_write_paths",
    "security.command_whitelist",
  ]);
  for (const one of ["read /etc/passwd", "write /var/cache", "run /bin/echo"]) {
    assertEquals(Refused.includes(one), true, Refused.join());
  }
  assertEquals(Refused.some((one) => one.includes("true")), false);
  const line = await agent.logged(
    ({ message }) => /more than this process was granted/.test(message),
    "it",
  );
  assertEquals(line.refused, Refused);
  assertMatch(
    String(line.remedy),
    /^restart the agent: its permissions are derived from its config/,
  );
  for (
    const [method, params] of [
      ["file_read", { path: "/etc/passwd" }],
      ["exec_command", { command: "/bin/echo" }],
    ] as const
  ) {
    assertRefused(await host.request(method, params), -32001, /^the agent is confined: /);
  }
});

Deno.test("an invalid configuration leaves the previous one in effect, and says why:", async (t) => {
  await using agent = await startMonitored({
    prepare: ({ files }) => Deno.writeTextFile(`${files}/f`, "content"),
  });
  await using host = await agent.connect();
  const { configFile, files } = agent.paths;
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["no JSON", '{"log_level": ', /not JSON/],
    ["a wrong value", '{"log_level":"loud"}', /log_level must be one of .*received "loud"/],
    ["an unknown key", '{"log_levle":"info"}', /log_levle is unknown/],
    [
      "a wrong key of the monitor",
      '{"command_monitor":{"request_timeout":"soon"}}',
      /command_monitor\.request_timeout must be .*"10s".*received "soon"/,
    ],
  ];
  for (const [what, text, reason] of cases) {
    await t.step(what, async () => {
      await Deno.writeTextFile(configFile, text);
      const { Status, StatusMessage } = await command(agent, "agent.ReloadConfig");
      assertEquals(Status, 105);
      assertMatch(StatusMessage, /^the previous configuration stays in effect: /);
      assertMatch(StatusMessage, reason);
      await host.call("file_read", { path: `${files}/f` }, Content);
    });
  }
  await t.step("no file", async () => {
    await Deno.remove(configFile);
    agent.kill("SIGHUP");
    const fits = ({ message, problems }: Record<string, unknown>) =>
      message === "invalid configuration; the previous one stays in effect" &&
      JSON.stringify(problems).includes("cannot be read");
    assertEquals((await agent.logged(fits, "the reason")).level, "warn");
    await host.call("file_read", { path: `${files}/f` }, Content);
  });
});

Deno.test("concurrent reloads are serialized, ten per second", async () => {
  await using agent = await startMonitored();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => command(agent, "agent.ReloadConfig")),
  );
  const done = answers.filter(({ Status }) => Status === 0);
  assert(done.length >= 10, `${done.length} were done`);
  for (const { Status, StatusMessage } of answers.filter((answer) => !done.includes(answer))) {
    assertEquals(Status, 105);
    assertMatch(StatusMessage, /^more than 10 agent\.ReloadConfig per second; retry in \d+ ms$/);
  }
});
