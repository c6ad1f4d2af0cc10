/**
 * The init script for OpenRC, in a guest of Debian with OpenRC and sysvinit.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { sharedGuest } from "./_guest.ts";

const guest = sharedGuest({ init: "openrc" });

/** What a script of root's prints in the guest. */
const root = (script: string, timeoutMs?: number) => guest().root(script, timeoutMs);

const PORT = "/dev/virtio-ports/org.kvmmanager.agent.0";
/** An end, respawn_delay and a start under emulation. */
const RETURN_MS = 60_000;

/** The agent's own process: the child of supervise-daemon. */
async function agentPid(): Promise<number> {
  const pid = Number(await root("pgrep -u kvmmanager-agent -f -- '--channel stdio'"));
  assert(pid > 0, "one agent");
  return pid;
}

async function ping(): Promise<void> {
  const client = await guest().client();
  await using _client = client;
  await client.call("ping");
}

Deno.test("OpenRC starts the agent, which announces itself", async () => {
  assertMatch(await root("rc-service kvmmanager-agent status"), /started/);
  await ping();
});

Deno.test("the agent has given up root and every capability", async () => {
  const status = await root(`cat /proc/${await agentPid()}/status`);
  const uid = (await root("id -u kvmmanager-agent")).trim();
  assertMatch(status, new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s+${uid}\\s+${uid}$`, "m"));
  assertMatch(status, /^CapEff:\s+0+$/m);
  assertMatch(status, /^CapBnd:\s+0+$/m);
  assertMatch(status, /^NoNewPrivs:\s+1$/m);
});

Deno.test("an agent that is killed is started again", async () => {
  const before = await agentPid();
  await root(`kill -9 ${before}`);
  await guest().ready(RETURN_MS);
  assert(await agentPid() !== before, "another process");
});

Deno.test("the agent is back with a port that was taken away", async () => {
  await guest().unplug("agent");
  await root(`for i in $(seq 50); do [ -e ${PORT} ] || exit 0; sleep 0.2; done; exit 1`);
  await guest().plug("agent");
  await guest().ready(RETURN_MS);
  await ping();
});

Deno.test("reload reaches the agent and does not end it", async () => {
  const before = await agentPid();
  await root("rc-service kvmmanager-agent reload");
  await ping();
  assertEquals(await agentPid(), before);
});

Deno.test("stop ends it, and start brings it back", async () => {
  await root("rc-service kvmmanager-agent stop");
  assertEquals((await guest().tryRoot("pgrep -u kvmmanager-agent")).stdout, "");
  await root("rc-service kvmmanager-agent start");
  await guest().ready(RETURN_MS);
  await ping();
});
