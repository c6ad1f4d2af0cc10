/**
 * The agent where there is no service manager: started by hand in a guest of busybox and a kernel,
 * it opens its port through the shell and keeps itself running. And `--channel device:PATH` there.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { printError } from "../../lib/base/terminal.ts";
import { sharedGuest } from "./_guest.ts";

// All that a disk would hold is in memory here.
const guest = sharedGuest({ init: "busybox", memoryMb: 1024, until: "root" });

/** What a script of root's prints in the guest. */
const root = (script: string, timeoutMs?: number) => guest().root(script, timeoutMs);

/** An end, the pause of connection_retry_seconds and a start under emulation. */
const RETURN_MS = 60_000;
/** A stop of the agent, with all that it waits for. */
const STOP_SECONDS = 20;
const LOG = "/var/log/kvmmanager-agent.log";
const PORT = "/dev/virtio-ports/org.kvmmanager.agent.0";

/** The processes of the agent, by what they do. */
async function processes(): Promise<{ supervisor: number[]; agent: number[] }> {
  const lines = (await root(
    'for p in /proc/[0-9]*; do case $(tr "\\0" " " <$p/cmdline) in */deno\\ run*) ' +
      'echo "${p#/proc/} $(tr "\\0" " " <$p/cmdline)";; esac; done',
  )).split("\n").filter((line) => line !== "");
  const pids = (fits: (line: string) => boolean) =>
    lines.filter(fits).map((line) => parseInt(line));
  const isAgent = (line: string) => line.includes("--channel");
  return { supervisor: pids((line) => !isAgent(line)), agent: pids(isAgent) };
}

async function agentPid(): Promise<number> {
  const { agent: [pid, ...more] } = await processes();
  assert(pid !== undefined && more.length === 0, "one agent");
  return pid;
}

async function ping(): Promise<void> {
  const client = await guest().client();
  await using _client = client;
  await client.call("ping");
}

/** Kilobytes out of /proc/PID/smaps_rollup (proc(5)). */
async function privateMemory(pid: number): Promise<number> {
  const text = await root(`grep -E '^Private_(Clean|Dirty)' /proc/${pid}/smaps_rollup`);
  return [...text.matchAll(/(\d+) kB/g)].reduce((sum, [, kilobytes]) => sum + Number(kilobytes), 0);
}

Deno.test("started by hand without --channel it announces itself on the port", async () => {
  await guest().ready();
  const { supervisor, agent } = await processes();
  assertEquals([supervisor.length, agent.length], [1, 1]);
  const kilobytes = await privateMemory(supervisor[0] ?? NaN);
  printError(`what waits beside the agent has ${(kilobytes / 1024).toFixed(1)} MiB of its own`);
});

Deno.test("it answers as anywhere else", async () => {
  const client = await guest().client();
  await using _client = client;
  const Info = z.looseObject({ hostname: z.string(), kernel_version: z.string() });
  const { hostname, kernel_version } = z.parse(Info, await client.call("get_system_info"));
  assertEquals({ hostname, kernel_version }, {
    hostname: (await root("hostname")).trim(),
    kernel_version: (await root("uname -r")).trim(),
  });
  const Output = z.looseObject({ stdout: z.string() });
  const { stdout } = z.parse(Output, await client.call("exec_command", { command: "uname" }));
  assertEquals(stdout, "Linux\n");
});

Deno.test("an agent that is killed is back after connection_retry_seconds", async () => {
  const before = await agentPid();
  await root(`kill -9 ${before}`);
  await guest().ready(RETURN_MS);
  assert(await agentPid() !== before, "another process");
  assertMatch(await root(`cat ${LOG}`), /the agent has ended, it is started again/);
});

Deno.test("it waits for a port that is taken away, makes no file, and is back with it", async () => {
  await guest().unplug("agent");
  await root(
    `for i in $(seq 200); do grep -q 'there is no such port' ${LOG} && exit; sleep 0.2; done; exit 1`,
    RETURN_MS,
  );
  await root(`[ ! -e ${PORT} ]`);
  await guest().plug("agent");
  await guest().ready(RETURN_MS);
  await ping();
});

Deno.test("SIGTERM ends the one that waits and the agent with status 0", async () => {
  const { supervisor: [pid = NaN] } = await processes();
  await root(`kill -TERM ${pid}`);
  await root(
    `for i in $(seq ${STOP_SECONDS}0); do [ -d /proc/${pid} ] || exit 0; sleep 0.1; done; exit 1`,
  );
  assertEquals(await processes(), { supervisor: [], agent: [] });
  assertMatch(await root(`tail -n 1 ${LOG}`), /"agent stopped"/);
});

Deno.test("a wrong configuration ends it with status 78 instead of a loop", async () => {
  await root('echo "{" >/tmp/wrong.json');
  const { status, stderr } = await guest().tryRoot("kvmmanager-agent --config /tmp/wrong.json");
  assertEquals(status, 78);
  assertMatch(stderr, /wrong\.json: not JSON/);
});

Deno.test("device:PATH is refused in one line to an agent that is confined", async () => {
  const { status, stderr } = await guest().tryRoot("kvmmanager-agent --channel device:/dev/null");
  assertEquals(status, 69);
  assertMatch(stderr, /^kvmmanager-agent: --channel device: needs all of Deno's permissions/m);
});

Deno.test("with all permissions device:PATH serves the port, also after it was away", async () => {
  const script = "exec /usr/lib/kvmmanager-agent/deno run --allow-all --no-config --no-lock " +
    "--v8-flags=--jitless,--expose-gc /usr/lib/kvmmanager-agent/agent.js " +
    `--channel device:${PORT}`;
  await root(`(${script}) >/tmp/device.out 2>&1 </dev/null & echo $! >/tmp/device.pid`);
  await guest().ready(RETURN_MS);
  // The host is silent: the agent's read is parked while it answers another request.
  const client = await guest().client();
  {
    await using _client = client;
    const slow = client.call("exec_command", { command: "sleep", args: ["1"] });
    await client.call("ping");
    await slow;
  }
  await guest().unplug("agent");
  await guest().plug("agent");
  await guest().ready(RETURN_MS);
  await ping();
  await root(
    `pid=$(cat /tmp/device.pid); kill -TERM $pid
     for i in $(seq ${STOP_SECONDS}0); do [ -d /proc/$pid ] || exit 0; sleep 0.1; done; exit 1`,
  );
});
