/**
 * The package: what its checkers say, and what installing it again, removing and purging it leave.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { printError } from "../../lib/base/terminal.ts";
import type { Guest } from "../../scripts/vm/guest.ts";
import { currentPackage } from "../../scripts/vm/package.ts";
import { requireTools, runTool } from "../../scripts/vm/tools.ts";
import { bootGuest } from "./_guest.ts";
import { configure, SERVICE } from "./_service.ts";

const PIECE_BYTES = 45_000;
const IN_GUEST = "/tmp/kvmmanager/agent.deb";
const INSTALL_MS = 120_000;

/** Where its name in the cache would be no package's name. */
async function packageFile(directory: string): Promise<string> {
  const path = `${directory}/kvmmanager-agent.deb`;
  await Deno.copyFile(await currentPackage(printError), path);
  return path;
}

/** Carries a file into the guest through the agent, several pieces at a time. */
async function carry(guest: Guest, bytes: Uint8Array): Promise<void> {
  const client = await guest.client();
  await using _client = client;
  const write = (offset: number) =>
    client.call("file_write", {
      path: IN_GUEST,
      encoding: "base64",
      content: bytes.subarray(offset, offset + PIECE_BYTES).toBase64(),
      offset,
      create_dirs: offset === 0,
    });
  await write(0);
  let next = PIECE_BYTES;
  const worker = async () => {
    while (next < bytes.byteLength) {
      const offset = next;
      next += PIECE_BYTES;
      await write(offset);
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}

Deno.test("lintian and man have nothing to say of the package", async () => {
  await requireTools(["lintian", "man"]);
  const directory = await Deno.makeTempDir();
  try {
    const file = await packageFile(directory);
    assertEquals(await runTool("lintian", ["--fail-on", "error,warning", file]), "");
    await runTool("dpkg-deb", ["--extract", file, directory]);
    for (const page of ["man8/kvmmanager-agent.8.gz", "man5/kvmmanager-agent.json.5.gz"]) {
      const manual = `${directory}/usr/share/man/${page}`;
      const { stderr } = await new Deno.Command("man", {
        args: ["--warnings", "--local-file", manual],
        env: { MANPAGER: "cat", LC_ALL: "C.UTF-8", MANWIDTH: "80" },
        stdout: "null",
      }).output();
      assertEquals(new TextDecoder().decode(stderr), "", manual);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the package in a running guest", async (t) => {
  const guest = await bootGuest();
  await using _guest = guest;
  await configure(guest, {
    max_requests_per_second: 100_000,
    security: { allowed_write_paths: ["/tmp/kvmmanager"], max_file_size_mb: 100 },
  });
  await carry(guest, await Deno.readFile(await currentPackage(printError)));
  await guest.root(`mv ${IN_GUEST} /root/agent.deb`);
  const install = "DEBIAN_FRONTEND=noninteractive dpkg -i /root/agent.deb 2>&1";

  await t.step("installed over itself it keeps the configuration and comes back", async () => {
    const before = await guest.root("cat /etc/kvmmanager-agent/config.json");
    await guest.root(install, INSTALL_MS);
    await guest.ready();
    assertEquals(await guest.root("cat /etc/kvmmanager-agent/config.json"), before);
    assertEquals(await guest.root("systemctl --failed --no-legend --plain"), "");
  });

  await t.step("removed it stops and leaves configuration and log", async () => {
    await guest.root("dpkg -r kvmmanager-agent 2>&1", INSTALL_MS);
    assertEquals((await guest.tryRoot(`systemctl is-active ${SERVICE}`)).stdout, "inactive\n");
    assertEquals(await guest.root("pgrep -u kvmmanager-agent || true"), "");
    const left = await guest.root(
      "dpkg -L kvmmanager-agent | while read -r f; do [ -d $f ] || echo $f; done",
    );
    assertEquals(left.trim().split("\n").sort(), [
      "/etc/kvmmanager-agent/config.json",
      "/etc/logrotate.d/kvmmanager-agent",
    ]);
    await guest.root("test -s /var/log/kvmmanager-agent.log");
    assertEquals(await guest.root("systemctl --failed --no-legend --plain"), "");
  });

  await t.step("installed again it runs by itself", async () => {
    await guest.root(install, INSTALL_MS);
    await guest.ready();
  });

  await t.step("its log is rotated without losing a line", async () => {
    const pid = (await guest.root(`systemctl show -P MainPID ${SERVICE}`)).trim();
    await guest.root(
      `mv /var/log/kvmmanager-agent.log /var/log/kvmmanager-agent.log.1; ` +
        `install -m 640 -o kvmmanager-agent -g adm /dev/null /var/log/kvmmanager-agent.log; ` +
        `systemctl kill --kill-who=main --signal=HUP ${SERVICE}; ` +
        `timeout 20 sh -c 'until grep -q reopened /var/log/kvmmanager-agent.log; do sleep .2; done'`,
    );
    assertEquals((await guest.root(`systemctl show -P MainPID ${SERVICE}`)).trim(), pid);
  });

  await t.step("purged it leaves nothing but its user", async () => {
    await guest.root("dpkg -P kvmmanager-agent 2>&1", INSTALL_MS);
    const found = await guest.root(
      "find / -xdev -name '*kvmmanager-agent*' -not -path '/proc/*' -not -path '/sys/*' " +
        "-not -path '/root/*' -not -path '/tmp/*' | sort",
    );
    assertEquals(found, "");
    assertMatch(await guest.root("getent passwd kvmmanager-agent"), /nologin/);
    assertEquals(await guest.root("systemctl --failed --no-legend --plain"), "");
    assert((await guest.tryRoot(`systemctl cat ${SERVICE}`)).status !== 0);
  });
});
