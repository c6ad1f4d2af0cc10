/**
 * The agent without a service manager and without a C library: from its tarball, in a guest that has
 * only busybox and a kernel. Started by hand, it opens its port through the shell and keeps itself
 * running. Also `--channel device:PATH`, and the start as an ordinary user.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { printError } from "../../lib/base/terminal.ts";
import { sharedGuest } from "./_guest.ts";

// Everything that would be on a disk is in memory.
const guest = sharedGuest({ init: "busybox", memoryMb: 1024, until: "root" });

/** Runs a script as root in the guest and returns its output. */
const root = (script: string, timeoutMs?: number) => guest().root(script, timeoutMs);

/** Generous: two starts of the runtime under emulation on a loaded machine. */
const RETURN_MS = 300_000;
const STOP_SECONDS = 60;
/** Standard error of the agent that init has started. */
const LOG = "/tmp/agent.out";
const PORT = "/dev/virtio-ports/org.kvmmanager.agent.0";

/** The agent's processes by role. */
async function processes(): Promise<{ supervisor: number[]; agent: number[] }> {
  const lines = (await root(
    'for p in /proc/[0-9]*; do case $(tr "\\0" " " <$p/cmdline) in */deno\\ run\\ --quiet*) ' +
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

Deno.test("started without --channel, the agent announces itself on the port", async () => {
  await guest().ready();
  const { supervisor, agent } = await processes();
  assertEquals([supervisor.length, agent.length], [1, 1]);
  const kilobytes = await privateMemory(supervisor[0] ?? NaN);
  printError(`private memory of the supervisor: ${(kilobytes / 1024).toFixed(1)} MiB`);
});

Deno.test("the guest's only C library is the agent's own", async () => {
  const found = await root(
    "find / -xdev -name 'ld-linux*' -o -xdev -name 'libc.*' -o -xdev -name 'ld-musl*'",
  );
  assertEquals(found, "/usr/lib/kvmmanager-agent/lib/libc.so.6\n");
});

Deno.test("the agent answers without a service manager", async () => {
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

Deno.test("a killed agent is restarted", async () => {
  const before = await agentPid();
  await root(`kill -9 ${before}`);
  await guest().ready(RETURN_MS);
  assert(await agentPid() !== before, "another process");
  assertMatch(await root(`cat ${LOG}`), /the agent exited; restarting it/);
});

Deno.test("an agent whose port is unplugged waits for it and creates no file in its place", async () => {
  await guest().unplug("agent");
  await root(
    `for i in $(seq 200); do grep -q 'the port does not exist' ${LOG} && exit; sleep 0.2; done; exit 1`,
    RETURN_MS,
  );
  await root(`[ ! -e ${PORT} ]`);
  await guest().plug("agent");
  await guest().ready(RETURN_MS);
  await ping();
});

Deno.test("SIGTERM stops the supervisor and the agent", async () => {
  const { supervisor: [pid = NaN] } = await processes();
  await root(`kill -TERM ${pid}`);
  await root(
    `for i in $(seq ${STOP_SECONDS}0); do [ -d /proc/${pid} ] || exit 0; sleep 0.1; done; exit 1`,
  );
  assertEquals(await processes(), { supervisor: [], agent: [] });
  assertMatch(await root(`tail -n 1 ${LOG}`), /"agent stopped"/);
});

Deno.test("an invalid configuration ends the supervisor with status 78", async () => {
  await root('echo "{" >/tmp/wrong.json');
  const { status, stderr } = await guest().tryRoot("kvmmanager-agent --config /tmp/wrong.json");
  assertEquals(status, 78);
  assertMatch(stderr, /wrong\.json: not JSON/);
});

Deno.test("device:PATH serves the port, also after it was unplugged", async () => {
  await root(
    `kvmmanager-agent --channel device:${PORT} >/tmp/device.out 2>&1 </dev/null & ` +
      "echo $! >/tmp/device.pid",
  );
  await guest().ready(RETURN_MS);
  // While the host is silent, a pending read does not delay an answer.
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

Deno.test("/usr/lib/kvmmanager-agent/run starts the agent as its own user", async () => {
  await root(
    "/usr/lib/kvmmanager-agent/run " + PORT + " kvmmanager-agent " +
      "/usr/bin/kvmmanager-agent serve --channel stdio 2>/tmp/run.out & echo $! >/tmp/run.pid",
  );
  await guest().ready(RETURN_MS);
  const [user, started] = (await root(
    "awk -F: '/^kvmmanager-agent:/ { print $3 }' /etc/passwd; cat /tmp/run.pid",
  )).trim().split("\n");
  const status = await root(`cat /proc/${await agentPid()}/status`);
  assertMatch(status, new RegExp(`^Uid:\\s+${user}\\s+${user}\\s+${user}\\s+${user}$`, "m"));
  // Whatever supervises the script supervises the agent.
  assertEquals(await agentPid(), Number(started));
  // Its user cannot read its memory.
  const denied = await guest().tryRoot(
    `su -s /bin/sh kvmmanager-agent -c 'cat /proc/${started}/maps'`,
  );
  assert(denied.status !== 0, denied.stdout);
});
