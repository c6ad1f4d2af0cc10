/**
 * install/lib/update of an rpm in a Debian file system; see update_test.ts.
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
import { buildProvider, POPT } from "./_rpm.ts";

const NEXT = "99.9.0";

Deno.test("the update of an rpm", async (t) => {
  await using guest = await UpdateGuest.make();
  const own = await guest.pack("rpm", { pid: "1" });
  const provider = await guest.put(await buildProvider(guest.directory));
  await Deno.writeTextFile(`${guest.root}/etc/popt`, POPT);
  const installed = await guest.run(`rpm --upgrade --nosignature ${provider} ${own}`);
  assertEquals(installed, { code: 0, output: "" });
  await guest.run(`echo "{}" >${CONFIG}`);
  const next = await guest.pack("rpm", { version: NEXT, pid: "2" });

  /** The version that rpm knows, and how its files differ from the package. */
  const known = async () =>
    (await guest.run("rpm -q --qf %{VERSION} kvmmanager-agent; rpm -V --noconfig kvmmanager-agent"))
      .output;

  await t.step("a truncated rpm is refused", async () => {
    await assertRefused(guest, await truncated(guest, next), /\.rpm is not a complete rpm/);
  });
  await t.step("an older version is refused", async () => {
    await assertRefused(
      guest,
      await guest.pack("rpm", { version: "0.1.0", pid: "4" }),
      /which is newer than 0\.1\.0; --downgrade installs it anyway/,
    );
  });
  await t.step("an rpm for another processor is refused", async () => {
    const architecture = ARCHITECTURE === "amd64" ? "arm64" : "amd64";
    await assertRefused(
      guest,
      await guest.pack("rpm", { architecture, pid: "3" }),
      /is for \w+64, and this guest is \w+64/,
    );
  });
  await t.step("a Debian package is refused", async () => {
    await assertRefused(
      guest,
      await guest.pack("deb", { version: NEXT, pid: "5" }),
      /was not installed from this kind of package, deb/,
    );
  });

  await t.step("without space nothing is changed", async () => {
    await assertRefused(guest, next, /could not be installed: .* needs \d+KB more space/, {
      mounts: FULL_LIBRARY + FALSE_DF,
    });
    await guest.run("rm /fake/df");
    assertEquals(await known(), VERSION);
  });

  await t.step("an agent that does not come up is replaced by the old one", async () => {
    const files = "md5sum /etc/kvmmanager-agent/* /etc/logrotate.d/kvmmanager*";
    const before = await guest.run(files);
    const changed = {
      "install/examples/more.conf": "",
      "install/config.json": "{} ",
      "install/logrotate": "# changed\n",
    };
    const broken = await guest.pack("rpm", { version: "1.50.0", pid: "0", changed });
    const { code, output } = await guest.update(broken);
    assertEquals(code, 1, output);
    assertMatch(output, /was not up within 60 s; .*\nupdate: version .* is back/);
    assertEquals((await guest.outcome()).slice(0, 3), ["restored", VERSION, "1.50.0"]);
    assertEquals(await guest.state(), stateOf("1"));
    assertEquals(await known(), VERSION);
    assertEquals(await guest.run(files), before);
    const left = await guest.run("ls /usr/share/doc/kvmmanager-agent/examples");
    assert(!left.output.includes("more.conf"), left.output);
  });

  await t.step("a newer version is installed, and the configuration is kept", async () => {
    const { code, output } = await guest.update(next);
    assertEquals([code, output], [
      0,
      `update: installing ${NEXT} over ${VERSION}\nupdate: the new agent is up\n`,
    ]);
    assertEquals((await guest.outcome()).slice(0, 3), ["installed", VERSION, NEXT]);
    assertEquals(await guest.state(), stateOf("2"));
    assertEquals(await known(), NEXT);
  });

  await t.step("an older version is installed if that is asked for", async () => {
    assertEquals((await guest.update(own, { more: "--downgrade" })).code, 0);
    assertEquals(await guest.state(), stateOf("1"));
    assertEquals(await known(), VERSION);
  });
});
