/**
 * The tarball under OpenRC: installed while the image was built, in a Debian guest with OpenRC and
 * sysvinit.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { sharedGuest } from "./_guest.ts";

const guest = sharedGuest({ init: "openrc" });

/** Runs a script as root in the guest and returns its output. */
const root = (script: string, timeoutMs?: number) => guest().root(script, timeoutMs);

const PORT = "/dev/virtio-ports/org.kvmmanager.agent.0";
/** Generous: two starts of the runtime under emulation on a loaded machine. */
const RETURN_MS = 300_000;

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

Deno.test("OpenRC starts the agent at boot", async () => {
  assertMatch(await root("rc-service kvmmanager-agent status"), /started/);
  await ping();
});

Deno.test("the agent runs as its own user without capabilities", async () => {
  const status = await root(`cat /proc/${await agentPid()}/status`);
  const uid = (await root("id -u kvmmanager-agent")).trim();
  assertMatch(status, new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s+${uid}\\s+${uid}$`, "m"));
  assertMatch(status, /^CapEff:\s+0+$/m);
  assertMatch(status, /^CapBnd:\s+0+$/m);
  assertMatch(status, /^NoNewPrivs:\s+1$/m);
});

Deno.test("a killed agent is restarted", async () => {
  const before = await agentPid();
  await root(`kill -9 ${before}`);
  await guest().ready(RETURN_MS);
  assert(await agentPid() !== before, "a new process");
});

Deno.test("the agent returns when its port is unplugged and plugged in again", async () => {
  await guest().unplug("agent");
  await root(`for i in $(seq 50); do [ -e ${PORT} ] || exit 0; sleep 0.2; done; exit 1`);
  await guest().plug("agent");
  await guest().ready(RETURN_MS);
  await ping();
});

Deno.test("reload reaches the running agent", async () => {
  const before = await agentPid();
  await root("rc-service kvmmanager-agent reload");
  await ping();
  assertEquals(await agentPid(), before);
});

Deno.test("stop ends the agent, and start starts it again", async () => {
  await root("rc-service kvmmanager-agent stop");
  assertEquals((await guest().tryRoot("pgrep -u kvmmanager-agent")).stdout, "");
  await root("rc-service kvmmanager-agent start");
  await guest().ready(RETURN_MS);
  await ping();
});

/** A service for the host to control. */
const TOY = `#!/sbin/openrc-run
command=/bin/sleep
command_args=infinity
command_background=true
pidfile=/run/toy.pid`;

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK9HzPIEAI4IlkFV4Y9OWlHyEJhXgXmRvP8Ka2bEIcVY ci";
const CONFIG = "/etc/kvmmanager-agent/config.json";

Deno.test("as root, the agent has users, keys and services changed", async () => {
  const before = await root(`cat ${CONFIG}`);
  const config = JSON.parse(before);
  const changed = JSON.stringify({
    ...config,
    // Under emulation on a loaded machine a broker takes half a minute to start.
    request_timeout_seconds: 300,
    security: {
      ...config.security,
      allow: ["see", "accounts", "services"],
      managed_users: ["deploy"],
      managed_services: ["toy"],
    },
  });
  try {
    await root(`set -e
cat >${CONFIG} <<'END'
${changed}
END
cat >/etc/init.d/toy <<'END'
${TOY}
END
chmod 755 /etc/init.d/toy
mkdir -p /etc/conf.d
echo agent_user=root >/etc/conf.d/kvmmanager-agent
rc-service kvmmanager-agent restart`);
    await guest().ready(RETURN_MS);
    const client = await guest().client();
    await using _client = client;
    const options = { timeoutMs: RETURN_MS };

    await client.call("user_create", { user: "deploy" }, options);
    assertMatch(await root("getent passwd deploy"), /^deploy:x:\d+:/);
    await client.call("ssh_keys_add", { user: "deploy", keys: [KEY] }, options);
    const file = "/home/deploy/.ssh/authorized_keys";
    assertMatch(await root(`stat -c '%a %U' ${file}; cat ${file}`), /^600 deploy\nssh-ed25519 /);
    await client.call("service_control", { unit: "toy", action: "start" }, options);
    assertMatch(await root("rc-service toy status"), /started/);
  } finally {
    // The other tests expect the agent as it was installed.
    await root(`set -e
cat >${CONFIG} <<'END'
${before}
END
rm -f /etc/conf.d/kvmmanager-agent
rc-service kvmmanager-agent restart`);
    await guest().ready(RETURN_MS);
  }
});
