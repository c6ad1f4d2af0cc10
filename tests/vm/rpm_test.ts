/**
 * The rpm: rpmlint accepts it, and it is installed, upgraded and removed with `rpm --root`, as image
 * builders do. The file system is Debian's, since nothing of Fedora can be had; its programs run the
 * scriptlets. package_test.ts has the rpm in a running guest, and update_rpm_test.ts its update.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { printError } from "../../lib/base/terminal.ts";
import { VERSION } from "../../lib/base/version.ts";
import { baseRoot } from "../../scripts/vm/image.ts";
import { currentRpm, currentTarball } from "../../scripts/vm/package.ts";
import { requireTools, runTool } from "../../scripts/vm/tools.ts";
import { ROOT } from "../_deno.ts";
import { asRoot } from "./_as_root.ts";

const CONFIG = "/etc/kvmmanager-agent/config.json";

/** A copy with a package's name, which the file in the cache lacks. */
async function rpmFile(directory: string): Promise<string> {
  await requireTools(["rpm", "rpmlint", "unshare"]);
  const path = `${directory}/kvmmanager-agent-${VERSION}-1.x86_64.rpm`;
  await Deno.copyFile(await currentRpm(printError), path);
  return path;
}

Deno.test("rpmlint accepts the rpm", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const file = await rpmFile(directory);
    assertMatch(await runTool("rpm", ["-K", "--nosignature", file]), /digests OK/);
    const report = await runTool("rpmlint", [
      ...["--config", `${ROOT}install/rpm/rpmlint.toml`, file],
    ]);
    assertMatch(report, / 0 errors, 0 warnings,/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the rpm is installed, upgraded and removed", async (t) => {
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-rpm-" });
  try {
    const file = await rpmFile(directory);
    const root = `${directory}/root`;
    const base = await baseRoot("systemd", printError);
    const rpm = (words: string) =>
      asRoot(`rpm --root ${root} --force-debian --nodeps --nosignature ${words}`);
    const succeed = { code: 0, output: "" };
    assertEquals(
      await asRoot(
        `mkdir ${root} && tar -C ${root} --exclude='./dev/*' --exclude=./usr/lib/modules ` +
          `--exclude=./boot --exclude=./usr/share/* -xf ${base}
        : >${root}/dev/null`,
      ),
      succeed,
    );

    await t.step("a truncated rpm is refused and installs nothing", async () => {
      const broken = `${directory}/broken.rpm`;
      await Deno.copyFile(file, broken);
      await Deno.truncate(broken, 1_000_000);
      assert((await rpm(`-i ${broken}`)).code !== 0);
      assertEquals((await asRoot(`ls ${root}/usr/bin/kvmmanager-agent`)).code, 2);
    });

    await t.step("installing creates the user and turns the service on", async () => {
      assertEquals(await rpm(`-i ${file}`), succeed);
      assertEquals((await rpm("-V kvmmanager-agent")).output, "");
      const passwd = await Deno.readTextFile(`${root}/etc/passwd`);
      assertMatch(passwd, /^kvmmanager-agent:x:\d+:\d+:.*:\/nonexistent:\/sbin\/nologin$/m);
      const links = await asRoot(
        `find ${root}/etc/systemd/system -name 'kvmmanager-agent*' | wc -l`,
      );
      assertEquals(links.output, "4\n");
      const { output } = await asRoot(`chroot ${root} kvmmanager-agent --version`);
      assertEquals(output, `kvmmanager-agent ${VERSION}\n`);
    });

    await t.step("upgrading keeps the configuration and the links", async () => {
      await asRoot(`echo '{}' >${root}${CONFIG}`);
      assertEquals(await rpm(`-U --force ${file}`), succeed);
      assertEquals(await Deno.readTextFile(`${root}${CONFIG}`), "{}\n");
      const links = await asRoot(
        `find ${root}/etc/systemd/system -name 'kvmmanager-agent*' | wc -l`,
      );
      assertEquals(links.output, "4\n");
    });

    await t.step("the tarball's installer leaves an rpm alone", async () => {
      const tarball = await currentTarball(printError);
      const { code, output } = await asRoot(
        `sh ${ROOT}install/tarball/install.sh --root ${root} ${tarball} 2>&1`,
      );
      assertEquals(code, 1, output);
      assertMatch(output, /kvmmanager-agent is installed as a package: remove that first/);
      assertEquals((await rpm("-V kvmmanager-agent --noconfig")).output, "");
    });

    await t.step("removing leaves the changed configuration and the user", async () => {
      // What the agent and its update make.
      await asRoot(
        `mkdir -p ${root}/var/lib/kvmmanager-agent/update
        : >${root}/var/lib/kvmmanager-agent/update/log
        : >${root}/var/log/kvmmanager-agent.log.1`,
      );
      const { code } = await rpm("-e kvmmanager-agent");
      assertEquals(code, 0);
      const { output } = await asRoot(
        `find ${root}/usr ${root}/etc ${root}/var -name '*kvmmanager-agent*' | sort; ` +
          `find ${root}/etc/kvmmanager-agent -type f`,
      );
      assertEquals(output, `${root}/etc/kvmmanager-agent\n${root}${CONFIG}.rpmsave\n`);
    });
  } finally {
    // With other owners inside, only root in the namespace may remove it.
    await runTool("unshare", [
      "--mount",
      ...Deno.uid() === 0 ? [] : ["--map-root-user", "--map-auto"],
      ...["rm", "-rf", directory],
    ]);
  }
});
