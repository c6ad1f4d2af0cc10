/**
 * install/lib/update of a deb and a tarball in a Debian file system: what it refuses, installs and puts
 * back. package_test.ts shows whole updates in a running guest.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { VERSION } from "../../lib/base/version.ts";
import {
  ARCHITECTURE,
  assertRefused,
  CONFIG,
  FALSE_DF,
  FULL_LIBRARY,
  stateOf,
  truncated,
  UpdateGuest,
} from "./_update_guest.ts";

const NEXT = "99.9.0";

Deno.test("the agent's own update", async (t) => {
  await using guest = await UpdateGuest.make();
  const own = await guest.pack("deb", { pid: "1" });
  assertEquals((await guest.run(`dpkg -i ${own}`)).code, 0);
  await guest.run(`echo "{}" >${CONFIG}`);
  const next = await guest.pack("deb", { version: NEXT, pid: "2" });

  /** The configuration files, and what dpkg knows of them. */
  const conffiles = async () => {
    const { code, output } = await guest.run(
      `md5sum /etc/kvmmanager-agent/* /etc/logrotate.d/kvmmanager*
      dpkg-query -W -f "\\\${Conffiles}" kvmmanager-agent`,
    );
    assertEquals(code, 0, output);
    return output;
  };

  await t.step(
    "a file with another checksum is refused",
    () =>
      assertRefused(guest, next, /does not have the checksum that was signed/, {
        sum: "0".repeat(64),
      }),
  );
  await t.step("a truncated package is refused", async () => {
    await assertRefused(
      guest,
      await truncated(guest, next),
      /truncated_99.*\.deb is not a complete Debian package/,
    );
  });
  await t.step("a package for another processor is refused", async () => {
    const architecture = ARCHITECTURE === "amd64" ? "arm64" : "amd64";
    await assertRefused(
      guest,
      await guest.pack("deb", { architecture, pid: "3" }),
      /is for a\w+64, and this guest is a\w+64/,
    );
  });
  await t.step("an older version is refused", async () => {
    await assertRefused(
      guest,
      await guest.pack("deb", { version: "0.1.0", pid: "4" }),
      /which is newer than 0\.1\.0; --downgrade installs it anyway/,
    );
  });
  for (const format of ["tar", "rpm"] as const) {
    await t.step(`${format} is refused where a Debian package is installed`, async () => {
      await assertRefused(
        guest,
        await guest.pack(format, { version: NEXT, pid: "5" }),
        /was not installed from this kind of package, (tarball|rpm)/,
      );
    });
  }

  await t.step("without space nothing is changed", async () => {
    await assertRefused(
      guest,
      next,
      /usr.lib.kvmmanager-agent needs \d+ KiB, and \d+ KiB are free/,
      {
        mounts: FULL_LIBRARY,
      },
    );
    await assertRefused(guest, next, /could not be installed: .*No space left on device/, {
      mounts: FULL_LIBRARY + FALSE_DF,
    });
    await guest.run("rm /fake/df");
  });

  await t.step(
    "a file that has become a FIFO is refused, and does not hold the update up",
    async () => {
      const file = "/tmp/kvmmanager-agent_swapped.deb";
      await Deno.copyFile(`${guest.root}${next}`, `${guest.root}${file}`);
      // Swapped after the update has looked at it, and with a shorter time limit.
      const put = (name: string, text: string) =>
        guest.run(`echo "#!/bin/sh\n${text}" >/fake/${name}; chmod 755 /fake/${name}`);
      await put("df", `rm ${file}; mkfifo ${file}; exec /bin/df \\"\\$@\\"`);
      await put("timeout", `shift; exec /usr/bin/timeout 1 \\"\\$@\\"`);
      const { code, output } = await guest.update(file);
      await guest.run("rm /fake/df /fake/timeout");
      assertEquals(code, 1, output);
      assertMatch(output, /swapped\.deb cannot be copied; nothing was changed/);
      assertEquals(await guest.state(), stateOf("1"));
    },
  );

  await t.step("an agent that does not come up is replaced by the old one", async () => {
    const before = await conffiles();
    const changed = { "install/logrotate": "# changed\n" };
    const broken = await guest.pack("deb", { version: "1.50.0", pid: "0", changed });
    const { code, output } = await guest.update(broken);
    assertEquals(code, 1, output);
    assertMatch(
      output,
      /was not up within 60 s; putting the old one back\nupdate: version .* is back/,
    );
    assertEquals(
      (await guest.outcome()).slice(0, 3),
      ["restored", VERSION, "1.50.0"],
    );
    assertEquals(await guest.state(), stateOf("1"));
    const { output: version } = await guest.run(
      "dpkg-query -W kvmmanager-agent; dpkg -V kvmmanager-agent",
    );
    assertEquals(version, `kvmmanager-agent\t${VERSION}\n??5?????? c ${CONFIG}\n`);
    assertEquals(await conffiles(), before);
  });

  await t.step("after that, dpkg keeps the changed configuration without asking", async () => {
    const newer = await guest.pack("deb", { version: "1.55.0", pid: "7" });
    const { code, output } = await guest.run(`dpkg -i ${newer}`);
    assertEquals(code, 0, output);
    assertEquals(await guest.state(), stateOf("7"));
    assertEquals((await guest.run(`dpkg -i ${own}`)).code, 0);
  });

  await t.step("a package whose script hangs is replaced by the old one", async () => {
    const hanging = await guest.pack("deb", {
      version: "1.60.0",
      pid: "6",
      changed: {
        "install/debian/postinst": "#!/bin/sh\nexec /bin/sleep 1000\n",
        "install/config.json": "{} ",
      },
    });
    await guest.run("echo 5 >/fake/limit");
    const { code, output } = await guest.update(hanging);
    await guest.run("echo 300 >/fake/limit");
    assertEquals(code, 1, output);
    assertMatch(
      output,
      /could not be installed: it was killed, since .* 300 s.*; putting the old one back/,
    );
    assertEquals((await guest.outcome()).slice(0, 3), ["restored", VERSION, "1.60.0"]);
    assertEquals(await guest.state(), stateOf("1"));
    assertEquals((await guest.run("ls /etc/kvmmanager-agent")).output, "config.json\n");
  });

  await t.step("a newer version is installed, and the configuration is kept", async () => {
    const { code, output } = await guest.update(next);
    assertEquals([code, output], [
      0,
      `update: installing ${NEXT} over ${VERSION}\nupdate: the new agent is up\n`,
    ]);
    assertEquals((await guest.outcome()).slice(0, 3), ["installed", VERSION, NEXT]);
    assertEquals(await guest.state(), stateOf("2"));
  });

  await t.step("an older version is installed if that is asked for", async () => {
    assertEquals((await guest.update(own, { more: "--downgrade" })).code, 0);
    assertEquals(await guest.state(), stateOf("1"));
  });

  const tarball = await guest.pack("tar", { pid: "1" });
  const { code, output } = await guest.run(
    `dpkg -P kvmmanager-agent >/dev/null 2>&1; cd /tmp && tar -xf ${tarball} &&
    sh kvmmanager-agent-*/install.sh --init systemd; rm -r kvmmanager-agent-*/`,
  );
  assert(code === 0, output);
  await guest.run(`echo "{}" >${CONFIG}`);

  await t.step("a tarball's agent that does not come up is replaced by the old one", async () => {
    const broken = await guest.pack("tar", { version: NEXT, pid: "0" });
    const { code, output } = await guest.update(broken);
    assertEquals(code, 1, output);
    assertEquals((await guest.outcome()).slice(0, 3), ["restored", VERSION, NEXT], output);
    assertEquals(await guest.state(), stateOf("1"));
    assertEquals((await guest.run("cat /usr/lib/kvmmanager-agent/version")).output, `${VERSION}\n`);
  });

  await t.step("a newer version is installed from a tarball", async () => {
    const newer = await guest.pack("tar", { version: NEXT, pid: "2" });
    assertEquals((await guest.update(newer)).code, 0);
    assertEquals(await guest.state(), stateOf("2"));
  });
});
