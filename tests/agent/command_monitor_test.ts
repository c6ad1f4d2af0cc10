/**
 * The command monitor of a real, confined agent.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { VERSION } from "../../lib/base/version.ts";
import { findGroup } from "../../lib/platform/linux/groups.ts";
import { makePaths, type Paths, TestAgent, unconfined } from "./_agent.ts";
import { resultOf } from "./_host.ts";
import { command, monitored, Nothing, pipeOf, startMonitored, succeed } from "./_monitor.ts";
import { until } from "../_waiting.ts";

const isRoot = Deno.uid() === 0;

const exists = (path: string) => Deno.lstat(path).then(() => true, () => false);

/** Stops an agent that is expected to have logged errors. */
async function stop(agent: TestAgent): Promise<void> {
  agent.kill("SIGTERM");
  assertEquals((await agent.ended()).code, 0, agent.logTail);
}

Deno.test("agent.Ping is answered with Status 0, whatever other members it has", async () => {
  await using agent = await startMonitored();
  await succeed(agent, "agent.Ping", Nothing);
  await succeed(agent, "agent.Ping", Nothing, { ArbitraryArgument: 123 });
});

Deno.test("the socket and its directory are as configured, and the socket is removed when the agent exits", async () => {
  const paths = await makePaths();
  {
    await using agent = await startMonitored({ paths });
    const pipe = await Deno.lstat(pipeOf(agent.paths));
    assert(pipe.isSocket);
    assertEquals((pipe.mode ?? 0) & 0o777, 0o770);
    assertEquals(((await Deno.lstat(`${paths.directory}/monitor`)).mode ?? 0) & 0o777, 0o750);
    const names = await Array.fromAsync(Deno.readDir(`${paths.directory}/monitor`));
    assertEquals(names.map(({ name }) => name), ["commands.sock"]);
    agent.kill("SIGTERM");
    assertEquals((await agent.ended()).code, 0);
    assertEquals(await exists(pipeOf(paths)), false);
  }
});

Deno.test("pipe_mode and pipe_group work under the agent's confinement", async () => {
  const groups = await Deno.readTextFile("/etc/group");
  const gid = isRoot ? findGroup(groups, "daemon") : Deno.gid();
  const group = isRoot ? "daemon" : `${gid}`;
  await using agent = await TestAgent.start({
    config: (paths) => monitored(paths, { pipe_mode: "0660", pipe_group: group }),
  });
  const pipe = await Deno.lstat(pipeOf(agent.paths));
  assertEquals([(pipe.mode ?? 0) & 0o777, pipe.gid], [0o660, gid]);
  await succeed(agent, "agent.Ping", Nothing);
  assertEquals(agent.log.filter(({ message }) => /^confined/.test(message)).length, 1);
});

Deno.test("an agent without a command monitor has no socket and no permission for one", async () => {
  await using agent = await TestAgent.start({
    config: (paths) => monitored(paths, { enabled: false }),
  });
  assertEquals(await exists(`${agent.paths.directory}/monitor`), false);
  const flags = (await Deno.readTextFile(`/proc/${agent.pid}/cmdline`)).split("\0");
  const net = flags.filter((flag) => flag.startsWith("--allow-net"));
  assertEquals(net, [`--allow-net=unix:${agent.paths.socket}`]);
});

Deno.test("an agent with a command monitor has no other part of the network", async () => {
  await using agent = await startMonitored();
  const flags = (await Deno.readTextFile(`/proc/${agent.pid}/cmdline`)).split("\0");
  const pipe = pipeOf(agent.paths);
  const net = flags.filter((flag) => flag.startsWith("--allow-net"));
  const sockets = [agent.paths.socket, pipe, `${pipe}.new/s`].sort();
  assertEquals(net, [`--allow-net=${sockets.map((path) => `unix:${path}`).join(",")}`]);
  for (const flag of flags.filter((one) => one.startsWith("--allow-write="))) {
    assert(!flag.split(/[=,]/).includes(`${agent.paths.directory}/monitor`), flag);
  }
});

Deno.test("agent.GetInfo has version, process, confinement and channel", async () => {
  const Info = z.strictObject({
    Status: z.literal(0),
    StatusMessage: z.literal(""),
    Version: z.literal(VERSION),
    Pid: z.int(),
    UptimeSeconds: z.int().check(z.gte(0), z.lte(600)),
    Confined: z.boolean(),
    Channel: z.strictObject({ Name: z.string(), Open: z.boolean() }),
  });
  await using agent = await startMonitored();
  const before = await succeed(agent, "agent.GetInfo", Info);
  assertEquals([before.Pid, before.Confined], [agent.pid, true]);
  assertEquals(before.Channel, { Name: `listen:${agent.paths.socket}`, Open: false });
  const host = await agent.connect();
  await host.ping();
  assertEquals((await succeed(agent, "agent.GetInfo", Info)).Channel.Open, true);
  await host.close();
  await until(
    async () => !(await succeed(agent, "agent.GetInfo", Info)).Channel.Open,
    "the channel to be closed",
  );
});

Deno.test("agent.GetInfo reports that an agent with all permissions is not confined", async () => {
  await using agent = await startMonitored({ flags: unconfined });
  const Info = z.looseObject({ Confined: z.literal(false) });
  await succeed(agent, "agent.GetInfo", Info);
});

const Count = z.strictObject({ Ok: z.int(), Error: z.int() });
const StatusAnswer = z.strictObject({
  Status: z.literal(0),
  StatusMessage: z.literal(""),
  Requests: z.record(z.string(), Count),
  Rejected: z.int(),
  Malformed: z.int(),
  InFlight: z.int(),
  BytesReceived: z.int(),
  BytesSent: z.int(),
  ResidentBytes: z.int().check(z.gte(10_000_000), z.lte(200_000_000)),
});

Deno.test("agent.GetStatus counts requests by method and outcome, and bytes", async () => {
  await using agent = await startMonitored();
  const empty = await succeed(agent, "agent.GetStatus", StatusAnswer);
  assertEquals([empty.Requests, empty.BytesReceived, empty.BytesSent], [{}, 0, 0]);
  {
    await using host = await agent.connect();
    for (let round = 0; round < 3; round++) await host.ping();
    await host.request("file_read", { path: "/etc/shadow" });
    await host.request("file_read", { pth: 1 });
    await host.request("no_such_method");
    await host.request("__proto__");
    await host.ask("not JSON");
    await host.ask('{"jsonrpc":"1.0"}');
    const running = await host.start("exec_command", { command: "sleep", args: ["0.3"] });
    const isRunning = async () =>
      (await succeed(agent, "agent.GetStatus", StatusAnswer)).InFlight === 1;
    await until(isRunning, "the command to be in flight");
    await host.answerTo(running);
  }
  const after = await succeed(agent, "agent.GetStatus", StatusAnswer);
  assertEquals(after.Requests, {
    ping: { Ok: 3, Error: 0 },
    file_read: { Ok: 0, Error: 2 },
    unknown: { Ok: 0, Error: 2 },
    exec_command: { Ok: 1, Error: 0 },
  });
  assertEquals([after.Malformed, after.Rejected, after.InFlight], [2, 0, 0]);
  assert(after.BytesReceived > 500 && after.BytesSent > 500, JSON.stringify(after));
});

Deno.test("agent.GetStatus counts requests over the rate", async () => {
  await using agent = await startMonitored({ config: () => ({ max_requests_per_second: 1 }) });
  await using host = await agent.connect();
  for (let round = 0; round < 5; round++) await host.request("ping");
  const { Requests, Rejected } = await succeed(agent, "agent.GetStatus", StatusAnswer);
  assertEquals((Requests.ping?.Ok ?? 0) + Rejected, 5);
  assert(Rejected >= 3, `${Rejected}`);
});

Deno.test("commands are served while the host keeps the agent busy, and the other way round", async () => {
  await using agent = await startMonitored();
  await using host = await agent.connect();
  const id = await host.start("exec_command", { command: "sleep", args: ["1"] });
  const answers = await Promise.all(
    Array.from(
      { length: 200 },
      (_, number) =>
        number % 2 === 0
          ? command(agent, "agent.Ping").then(({ Status }) => Status === 0)
          : host.ping().then(() => true),
    ),
  );
  assert(answers.every((isRight) => isRight));
  resultOf(await host.answerTo(id), z.looseObject({ exit_code: z.literal(0) }));
});

Deno.test("an agent whose command monitor cannot be created serves its host and logs the reason", async (t) => {
  const cases: readonly (readonly [string, (paths: Paths) => Promise<void>, RegExp])[] = [
    ["a live socket", async (paths) => {
      await Deno.mkdir(`${paths.directory}/monitor`);
    }, /served by another process/],
    ["a directory that is a link", async ({ directory, files }) => {
      await Deno.symlink(files, `${directory}/monitor`);
    }, /its path contains a symbolic link; links are never followed/],
    ["a directory that is not writable", async ({ directory }) => {
      await Deno.mkdir(`${directory}/monitor`, { mode: 0o500 });
    }, /Permission denied/],
    ["no directory to create it in", async ({ directory }) => {
      await Deno.writeTextFile(`${directory}/monitor`, "");
    }, /Not a directory/],
  ];
  for (const [what, prepare, reason] of cases) {
    await t.step(what, async () => {
      let rival: Deno.UnixListener | undefined;
      const agent = await startMonitored({
        prepare: async (paths) => {
          await prepare(paths);
          if (what !== "a live socket") return;
          rival = Deno.listen({ transport: "unix", path: pipeOf(paths) });
        },
        // Root may write everywhere; without these capabilities it is like any other user.
        wrapper: () =>
          isRoot ? ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"] : [],
      });
      await using _agent = agent;
      const message = "cannot start the command monitor";
      const line = await agent.logged((one) => one.message === message, "the reason");
      assertMatch(String(line.error), reason);
      assertEquals(line.pipe_path, pipeOf(agent.paths));
      {
        await using host = await agent.connect();
        await host.ping();
      }
      await stop(agent);
      rival?.close();
      assertEquals(
        await Array.fromAsync(Deno.readDir(agent.paths.files)),
        [],
        "nothing was created behind the link",
      );
    });
  }
});

Deno.test("a command monitor that could not be started is started on SIGHUP", async () => {
  const agent = await startMonitored({
    prepare: ({ directory }) => Deno.writeTextFile(`${directory}/monitor`, ""),
  });
  await using _agent = agent;
  await agent.logged(
    ({ message }) => /cannot start the command monitor/.test(message),
    "the reason",
  );
  await Deno.remove(`${agent.paths.directory}/monitor`);
  agent.kill("SIGHUP");
  await agent.logged(({ message }) => message === "command monitor ready", "its start");
  await succeed(agent, "agent.Ping", Nothing);
  await stop(agent);
});

Deno.test("a socket that is deleted while the agent runs is recreated", async () => {
  await using agent = await startMonitored();
  await Deno.remove(pipeOf(agent.paths));
  await agent.logged(
    ({ message }) => /recreated the command monitor's socket/.test(message),
    "the new socket",
  );
  await succeed(agent, "agent.Ping", Nothing);
});

Deno.test("an agent that was killed leaves a socket that the next one replaces", async () => {
  const paths = await makePaths();
  const killed = await startMonitored({ paths });
  killed.kill("SIGKILL");
  await killed.ended();
  assert(await exists(pipeOf(paths)));
  await Deno.remove(paths.socket);
  await using agent = await startMonitored({ paths });
  await succeed(agent, "agent.Ping", Nothing);
});

Deno.test("SIGTERM ends an agent immediately, even if its clients are silent", async () => {
  await using agent = await startMonitored();
  const silent = await Deno.connect({ transport: "unix", path: pipeOf(agent.paths) });
  using _silent = silent;
  await succeed(agent, "agent.Ping", Nothing);
  agent.kill("SIGTERM");
  assertEquals((await agent.ended(3000)).code, 0);
});

Deno.test("a client cannot make the agent log more than a few lines a second", async () => {
  await using agent = await startMonitored();
  const start = performance.now();
  const before = agent.logText.length;
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      Array.from(
        { length: 100 },
        () => command(agent, "agent.SendEvent", { Event: "x".repeat(200) }),
      ),
    );
  }
  await succeed(agent, "agent.Ping", Nothing);
  const seconds = (performance.now() - start) / 1000;
  const perSecond = (agent.logText.length - before) / (seconds + 1);
  assert(perSecond < 10_000, `${perSecond} bytes of log a second`);
});
