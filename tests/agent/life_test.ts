/**
 * How the agent exits: work in flight is finished or stopped, and nothing is left behind.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { TestAgent } from "./_agent.ts";
import { assertRefused, type Host, resultOf } from "./_host.ts";
import { survivors } from "../_processes.ts";
import { timed, until } from "../_waiting.ts";
import { COMMAND_FAILED } from "../_error_codes.ts";

/** Less than the 5 s for work in flight: an idle agent does not wait for them. */
const AT_ONCE_MS = 4900;

/** In a script of {@link startCommand}: waits for {@link release}. */
const WAIT = 'until [ -e "$0.go" ]; do sleep 0.02; done';

/** Lets scripts continue that wait with {@link WAIT}. */
const release = (agent: TestAgent) => Deno.writeTextFile(`${agent.paths.files}/pid.go`, "");

/** Starts a script and waits until it calls `ready`. */
async function startCommand(agent: TestAgent, host: Host, script: string) {
  const pidFile = `${agent.paths.files}/pid`;
  await Deno.remove(pidFile).catch(() => {});
  const id = await host.start("exec_command", {
    command: "sh",
    args: ["-c", `ready() { echo $$ > "$0.new"; mv "$0.new" "$0"; }; ${script}`, pidFile],
    timeout_seconds: 60,
  });
  let pid = 0;
  await until(async () => {
    pid = Number(await Deno.readTextFile(pidFile).catch(() => ""));
    return pid > 0;
  }, "the command to run");
  return { id, pid };
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} ends an idle agent immediately with status 0`, async () => {
    await using agent = await TestAgent.start();
    agent.kill(signal);
    const { code, signal: endedBy } = await agent.ended(AT_ONCE_MS);
    assertEquals([code, endedBy], [0, null], agent.logTail);
    assertEquals(agent.log.at(-1)?.message, "agent stopped");
  });

  Deno.test(`${signal} ends an agent with a connected host immediately with status 0`, async () => {
    await using agent = await TestAgent.start();
    await using host = await agent.connect();
    await host.ping();
    agent.kill(signal);
    const { code, signal: endedBy } = await agent.ended(AT_ONCE_MS);
    assertEquals([code, endedBy], [0, null], agent.logTail);
    assertEquals(agent.log.at(-1)?.message, "agent stopped");
    await until(() => host.hasEnded, "the end of the connection");
  });

  Deno.test(`${signal} ends an agent that waits for input on stdio`, async () => {
    await using agent = await TestAgent.start({ channel: "stdio" });
    await agent.stdio.ping();
    agent.kill(signal);
    const { code, signal: endedBy } = await agent.ended(AT_ONCE_MS);
    assertEquals([code, endedBy], [0, null], agent.logTail);
  });
}

Deno.test("a second signal while the agent stops changes nothing", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const { id } = await startCommand(agent, host, `ready; ${WAIT}; echo whole`);
  agent.kill("SIGTERM");
  await agent.logged((line) => line.message === "stopping", "the stop");
  agent.kill("SIGTERM");
  agent.kill("SIGINT");
  agent.kill("SIGHUP");
  await release(agent);
  const { stdout } = resultOf(await host.answerTo(id), z.looseObject({ stdout: z.string() }));
  assertEquals(stdout, "whole\n");
  assertEquals((await agent.ended()).code, 0);
});

Deno.test("SIGTERM lets short work finish: its reply arrives, then the agent ends", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const { id } = await startCommand(agent, host, `ready; ${WAIT}; echo finished`);
  agent.kill("SIGTERM");
  await agent.logged((line) => line.message === "stopping", "the stop");
  const { ms } = await timed(async () => {
    await release(agent);
    const result = resultOf(await host.answerTo(id), z.looseObject({ stdout: z.string() }));
    assertEquals(result.stdout, "finished\n");
    assertEquals((await agent.ended()).code, 0);
  });
  assert(ms < AT_ONCE_MS, `ended with the work, not after the whole grace period (${ms} ms)`);
});

Deno.test("SIGTERM lets short work finish on stdio too", async () => {
  await using agent = await TestAgent.start({ channel: "stdio" });
  const { id } = await startCommand(agent, agent.stdio, `ready; ${WAIT}; echo finished`);
  agent.kill("SIGTERM");
  await agent.logged((line) => line.message === "stopping", "the stop");
  await release(agent);
  const result = resultOf(await agent.stdio.answerTo(id), z.looseObject({ stdout: z.string() }));
  assertEquals(result.stdout, "finished\n");
  assertEquals((await agent.ended()).code, 0);
});

Deno.test("SIGTERM lets short work finish after its host has disconnected", async () => {
  await using agent = await TestAgent.start();
  {
    await using host = await agent.connect();
    await startCommand(agent, host, `ready; ${WAIT}; touch "$0.done"`);
  }
  await agent.logged((line) => line.message === "host disconnected", "the host's end");
  agent.kill("SIGTERM");
  await agent.logged((line) => line.message === "stopping", "the stop");
  await release(agent);
  assertEquals((await agent.ended()).code, 0);
  await Deno.lstat(`${agent.paths.files}/pid.done`);
});

Deno.test("SIGTERM ends work that takes longer than 5 s", async (t) => {
  await using agent = await TestAgent.start({ config: () => ({ max_concurrent_requests: 2 }) });
  await using host = await agent.connect();
  const polite = await startCommand(
    agent,
    host,
    'sleep 300 & echo $! > "$0.polite"; echo partial; ready; wait',
  );
  const stubborn = await startCommand(
    agent,
    host,
    'trap "" TERM; sleep 300 & echo $! > "$0.stubborn"; ready; wait',
  );
  const children = await Promise.all(
    ["polite", "stubborn"].map(async (name) =>
      Number(await Deno.readTextFile(`${agent.paths.files}/pid.${name}`))
    ),
  );
  const waiting = await host.start("exec_command", { command: "true" });
  await host.ping();
  const start = performance.now();
  agent.kill("SIGTERM");
  await t.step("after 5 s, with the output so far in the reply", async () => {
    const answer = await host.answerTo(polite.id);
    const ms = performance.now() - start;
    const { data } = assertRefused(answer, COMMAND_FAILED, /the agent is stopping/);
    assertEquals(data.stdout, "partial\n");
    assert(ms > 4900, `not before the end of the grace period (${ms} ms)`);
  });
  await t.step("with a reply to the request that waited for a slot", async () => {
    assertRefused(await host.answerTo(waiting), COMMAND_FAILED, /the agent is stopping/);
  });
  await t.step("even if it ignores SIGTERM", async () => {
    assertRefused(await host.answerTo(stubborn.id), COMMAND_FAILED, /the agent is stopping/);
  });
  await t.step("and then exits with status 0", async () => {
    assertEquals((await agent.ended(5000)).code, 0);
  });
  await t.step("leaving nothing of the process groups", async () => {
    assertEquals(await survivors([polite.pid, stubborn.pid, ...children]), []);
  });
});

Deno.test("requests that arrive while the agent stops are not started", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const { id } = await startCommand(agent, host, `ready; ${WAIT}`);
  agent.kill("SIGTERM");
  await agent.logged((line) => line.message === "stopping", "the stop");
  const late = `${agent.paths.files}/late`;
  await host.start("exec_command", { command: "touch", args: [late] });
  await release(agent);
  await host.answerTo(id);
  assertEquals((await agent.ended()).code, 0);
  await Deno.lstat(late).then(() => assert(false, "started after the stop"), () => {});
});
