/**
 * The package for hosts, on a machine that systemd has booted.
 *
 * @module
 */

import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { printError } from "../../lib/base/terminal.ts";
import type { Guest } from "../../scripts/vm/guest.ts";
import { currentHostPackage } from "../../scripts/vm/package.ts";
import { runTool } from "../../scripts/vm/tools.ts";
import { bootGuest } from "./_guest.ts";

const DEB = "kvmmanager-host.deb";
const INSTALL_MS = 120_000;
const VM = "/run/libvirt/qemu/channel/7-web1";

/** Answers every request as an agent answers a ping. */
const AGENT = `
import json, os, socket
os.makedirs("${VM}")
server = socket.socket(socket.AF_UNIX)
server.bind("${VM}/org.kvmmanager.agent.0")
server.listen()
while True:
    connection = server.accept()[0]
    for line in connection.makefile():
        if line.strip():
            answer = {"jsonrpc": "2.0", "result": {"pong": True}, "id": json.loads(line).get("id")}
            connection.sendall((json.dumps(answer) + "\\n").encode())
`;

/** A tar with the package. */
async function packAttachment(directory: string): Promise<string> {
  await Deno.copyFile(await currentHostPackage(printError), `${directory}/${DEB}`);
  await runTool("tar", ["-cf", `${directory}/files.tar`, "-C", directory, DEB]);
  return `${directory}/files.tar`;
}

/** What ctl prints, and its exit status, for a user in one group. */
async function asMember(guest: Guest, group: string, command: string) {
  const { status, stdout } = await guest.tryRoot(
    `setpriv --reuid=nobody --regid=nogroup --groups=${group} kvmmanager-ctl ${command} 2>&1`,
    INSTALL_MS,
  );
  return { status, printed: stdout };
}

const PING = "call ping --domain web1";
const mainPid = "systemctl show -P MainPID kvmmanager-hostd.service";

Deno.test("the package for hosts on a running system", async (t) => {
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-host-package-" });
  await using _directory = {
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
  const guest = await bootGuest({ attachment: await packAttachment(directory) });
  await using _guest = guest;
  await guest.root(`cat >/root/agent.py <<'END'\n${AGENT}\nEND
    systemd-run --quiet --unit=vm python3 /root/agent.py
    until [ -S ${VM}/org.kvmmanager.agent.0 ]; do sleep .1; done
    tar -C /root -xf /dev/vdb`);
  const install = () =>
    guest.root(`DEBIAN_FRONTEND=noninteractive dpkg -i /root/${DEB} 2>&1 </dev/null`, INSTALL_MS);

  await t.step("it starts the daemon, which owns the channels", async () => {
    await install();
    const units =
      "kvmmanager-hostd.service kvmmanager-hostd.socket kvmmanager-hostd-read-only.socket";
    assertEquals(await guest.root(`systemctl is-active ${units}`), "active\n".repeat(3));
    assertEquals(await guest.root(`systemctl is-enabled ${units}`), "enabled\n".repeat(3));
    assertMatch(await guest.root("kvmmanager-ctl list --json"), /"name": *"web1"/);
    assertEquals(
      await guest.root(
        "stat -c '%G %a' /run/kvmmanager/hostd.sock /run/kvmmanager/hostd-read-only.sock",
      ),
      "kvmmanager 660\nkvmmanager-see 660\n",
    );
  });

  await t.step("members of its groups reach the VMs, and nobody else does", async () => {
    assertMatch((await asMember(guest, "kvmmanager", PING)).printed, /"pong": *true/);
    assertMatch((await asMember(guest, "kvmmanager-see", PING)).printed, /"pong": *true/);
    const exec = await asMember(guest, "kvmmanager-see", "exec --domain web1 -- id");
    assertMatch(exec.printed, /only lets you look/);
    const stranger = await asMember(guest, "nogroup", PING);
    assertNotEquals(stranger.status, 0, stranger.printed);
  });

  await t.step("an upgrade restarts the daemon behind the same sockets", async () => {
    const before = await guest.root(mainPid);
    const socket = "stat -c %i /run/kvmmanager/hostd.sock";
    const inode = await guest.root(socket);
    await install();
    assertNotEquals(await guest.root(mainPid), before, "the daemon is a new process");
    assertEquals(await guest.root(socket), inode);
    assertMatch(await guest.root(`kvmmanager-ctl ${PING}`), /"pong": *true/);
  });

  await t.step("a killed daemon comes back", async () => {
    await guest.root("systemctl kill --kill-who=main --signal=KILL kvmmanager-hostd.service");
    assertMatch(await guest.root(`kvmmanager-ctl ${PING}`, INSTALL_MS), /"pong": *true/);
  });

  await t.step("a purge leaves nothing but its groups", async () => {
    await guest.root("dpkg -P kvmmanager-host 2>&1", INSTALL_MS);
    const left = await guest.root(
      "find / /run -xdev \\( -name '*kvmmanager-h*' -o -name 'kvmmanager-ctl*' \\) " +
        "-not -path '/proc/*' -not -path '/sys/*' -not -path '/root/*'",
    );
    assertEquals(left, "");
    assertEquals(await guest.root("systemctl --failed --no-legend --plain"), "");
    assertMatch(await guest.root("getent group kvmmanager"), /^kvmmanager:/);
  });
});
