/**
 * The tarball's installer: what it puts where, and what it refuses. The tarballs lack the program, so
 * that each is made within a second; busybox_test.ts and openrc_test.ts install whole ones.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AGENT } from "../../scripts/package/agent.ts";
import { packTarball } from "../../scripts/package/tarball.ts";
import { stage } from "../../scripts/package/product.ts";
import { sign } from "../../scripts/release/sign.ts";
import { requireTools, runTool } from "../../scripts/vm/tools.ts";
import { VERSION } from "../../lib/base/version.ts";
import { ROOT } from "../_deno.ts";
import { asRoot } from "./_as_root.ts";

const INSTALLER = `${ROOT}install/tarball/install.sh`;
const CONFIG = "/etc/kvmmanager-agent/config.json";

interface Release {
  readonly directory: string;
  readonly tarball: string;
  /** The file system that is installed into. */
  readonly root: string;
}

/** A folder with a tarball and its sum, and an empty file system. */
async function withRelease(test: (release: Release) => Promise<void>): Promise<void> {
  await requireTools(["unshare", "openssl"]);
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-install-" });
  try {
    const tarball = `${directory}/agent.tar.gz`;
    await stage(`${directory}/tree`, AGENT);
    await packTarball(`${directory}/tree`, {
      product: AGENT,
      architecture: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
      time: 1_700_000_000,
      output: tarball,
      quick: true,
    });
    const sum = await runTool("sha256sum", ["agent.tar.gz"], { cwd: directory });
    await Deno.writeTextFile(`${directory}/SHA256SUMS`, sum);
    const root = `${directory}/root`;
    await Deno.mkdir(`${root}/etc`, { recursive: true });
    await Deno.writeTextFile(`${root}/etc/passwd`, "root:x:0:0:root:/root:/bin/sh\n");
    await Deno.writeTextFile(`${root}/etc/group`, "root:x:0:\nuucp:x:999:\n");
    await test({ directory, tarball, root });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const install = ({ root, tarball }: Release, ...args: readonly string[]) =>
  asRoot(`sh ${INSTALLER} --root ${root} ${args.join(" ")} ${tarball}`);

/** What the installer has put into the file system, without the directories. */
async function installed({ root }: Release): Promise<string[]> {
  const found = await runTool("find", [".", "-not", "-type", "d"], { cwd: root });
  return found.trim().split("\n").sort();
}

async function assertNothingInstalled(release: Release): Promise<void> {
  assertEquals(await installed(release), ["./etc/group", "./etc/passwd"]);
}

Deno.test("an installation for systemd has the units, their links, the user and its folders", async () => {
  await withRelease(async (release) => {
    const { code, output } = await install(release, "--init", "systemd");
    assertEquals([code, output], [0, `kvmmanager-agent ${VERSION} is installed (systemd)\n`]);
    const { root } = release;
    const files = await installed(release);
    for (
      const file of [
        "./lib/systemd/system/kvmmanager-agent.service",
        "./etc/systemd/system/multi-user.target.wants/kvmmanager-agent-poweroff.path",
        "./etc/systemd/system/dev-virtio\\x2dports-org.kvmmanager.agent.0.device.wants/kvmmanager-agent.service",
        "./usr/lib/kvmmanager-agent/start",
      ]
    ) assert(files.includes(file), `${file} in ${files.join("\n")}`);
    const passwd = await Deno.readTextFile(`${root}/etc/passwd`);
    // 999 is taken by a group.
    assertMatch(passwd, /^kvmmanager-agent:x:998:998:.*:\/sbin\/nologin$/m);
    // Nothing that the program consists of may be changed by the agent's user.
    const writable = await asRoot(
      `find ${root}/usr ${root}/lib ${root}/etc \\( -user 998 -o -perm /022 \\) -not -type l`,
    );
    assertEquals(writable, { code: 0, output: "" });
  });
});

Deno.test("OpenRC and runit get their own service and no units", async () => {
  for (
    const [init, service, link] of [
      ["openrc", "./etc/init.d/kvmmanager-agent", "./etc/runlevels/default/kvmmanager-agent"],
      ["runit", "./etc/sv/kvmmanager-agent/run", "./var/service/kvmmanager-agent"],
    ] as const
  ) {
    await withRelease(async (release) => {
      await Deno.mkdir(`${release.root}/var/service`, { recursive: true });
      assertEquals((await install(release, "--init", init)).code, 0);
      const files = await installed(release);
      assert(files.includes(service) && files.includes(link), files.join("\n"));
      assertEquals(files.filter((file) => file.includes("systemd")), []);
    });
  }
});

Deno.test("an upgrade keeps the configuration, and uninstall.sh leaves only that", async () => {
  await withRelease(async (release) => {
    const { root } = release;
    await install(release, "--init", "none");
    await Deno.writeTextFile(`${root}${CONFIG}`, "{}");
    assertEquals((await install(release, "--init", "none")).code, 0);
    assertEquals(await Deno.readTextFile(`${root}${CONFIG}`), "{}");
    const uninstall = `sh ${root}/usr/lib/kvmmanager-agent/uninstall.sh --root ${root}`;
    assertEquals(await asRoot(uninstall), { code: 0, output: "kvmmanager-agent is removed\n" });
    assertEquals(await installed(release), ["./etc/group", `.${CONFIG}`, "./etc/passwd"]);
  });
});

Deno.test("uninstall.sh --purge removes the configuration and the logs too", async () => {
  await withRelease(async (release) => {
    const { root } = release;
    await install(release, "--init", "systemd");
    // tmpfiles.conf makes the first at a boot, and logrotate the second.
    for (const suffix of ["", ".1.gz"]) {
      await Deno.writeTextFile(`${root}/var/log/kvmmanager-agent.log${suffix}`, "");
    }
    await asRoot(`sh ${root}/usr/lib/kvmmanager-agent/uninstall.sh --root ${root} --purge`);
    await assertNothingInstalled(release);
  });
});

Deno.test("a tarball with another checksum is refused", async () => {
  await withRelease(async (release) => {
    await Deno.writeTextFile(
      `${release.directory}/SHA256SUMS`,
      `${"0".repeat(64)}  agent.tar.gz\n`,
    );
    const { code, output } = await install(release);
    assertEquals(code, 1);
    assertMatch(output, /agent\.tar\.gz does not have the checksum that .*SHA256SUMS lists/);
    await assertNothingInstalled(release);
  });
});

Deno.test("a truncated tarball is refused, even if its checksum is right", async () => {
  await withRelease(async (release) => {
    const { directory, tarball } = release;
    await Deno.truncate(tarball, (await Deno.stat(tarball)).size - 2000);
    assertMatch((await install(release)).output, /does not have the checksum/);
    await Deno.writeTextFile(
      `${directory}/SHA256SUMS`,
      await runTool("sha256sum", ["agent.tar.gz"], { cwd: directory }),
    );
    const { code, output } = await install(release);
    assertEquals(code, 1);
    assertStringIncludes(output, "cannot be unpacked");
    await assertNothingInstalled(release);
  });
});

Deno.test("a file that was changed after unpacking is refused", async () => {
  await withRelease(async (release) => {
    const { directory, root, tarball } = release;
    const { code, output } = await asRoot(
      `cd ${directory} && tar -xf ${tarball} && echo x >>kvmmanager-agent-${VERSION}/tree${CONFIG} &&
      sh kvmmanager-agent-${VERSION}/install.sh --root ${root}`,
    );
    assertEquals(code, 1);
    assertMatch(output, /do not have the checksums in SHA256SUMS/);
    await assertNothingInstalled(release);
  });
});

Deno.test("an older version does not replace a newer one unless that is asked for", async () => {
  await withRelease(async (release) => {
    await install(release, "--init", "none");
    await Deno.writeTextFile(`${release.root}/usr/lib/kvmmanager-agent/version`, "99.0.0\n");
    const { code, output } = await install(release, "--init", "none");
    assertEquals(code, 1);
    assertMatch(output, /version 99\.0\.0 is installed, which is newer than .*--downgrade/);
    assertEquals((await install(release, "--init", "none", "--downgrade")).code, 0);
  });
});

Deno.test("without space the old files stay and no new ones are left", async () => {
  await withRelease(async ({ directory, root, tarball }) => {
    const { output } = await asRoot(
      `mount -t tmpfs -o size=20k tmpfs ${root} && mkdir ${root}/etc &&
      printf '' >${root}/etc/passwd
      sh ${INSTALLER} --root ${root} ${tarball} 2>&1; echo "status $?"
      find ${root} -type f`,
    );
    assertMatch(output, /needs \d+ KiB, and \d+ KiB are free; nothing was changed\nstatus 1\n/);
    assertEquals(output.split("status 1\n")[1], `${root}/etc/passwd\n`);
    // A df that promises too much.
    const { output: full } = await asRoot(
      `mkdir ${directory}/bin && printf '#!/bin/sh\\necho / 1 1 9999999 1 /\\n' >${directory}/bin/df
      chmod +x ${directory}/bin/df
      mount -t tmpfs -o size=24k tmpfs ${root} && mkdir ${root}/etc
      printf '' >${root}/etc/passwd
      PATH=${directory}/bin:$PATH sh ${INSTALLER} --root ${root} ${tarball} 2>&1; echo "status $?"
      find ${root} -type f`,
    );
    assertMatch(full, /a file could not be written; nothing was changed\nstatus 1\n/);
    assertEquals(full.split("status 1\n")[1], `${root}/etc/passwd\n`);
  });
});

Deno.test("with --key only a tarball that the key has signed is installed", async () => {
  await withRelease(async (release) => {
    const { directory } = release;
    const openssl = (...args: readonly string[]) => runTool("openssl", args, { cwd: directory });
    for (const name of ["mine", "other"]) {
      await openssl("genpkey", "-algorithm", "ed25519", "-out", `${name}.pem`);
      await openssl("pkey", "-in", `${name}.pem`, "-pubout", "-out", `${name}.pub.pem`);
    }
    const sums = await Deno.readFile(`${directory}/SHA256SUMS`);
    const signBy = async (name: string) => {
      const pem = await Deno.readTextFile(`${directory}/${name}.pem`);
      await Deno.writeFile(`${directory}/SHA256SUMS.sig`, await sign(pem, sums));
    };
    const key = `${directory}/mine.pub.pem`;
    assertMatch((await install(release, "--key", key)).output, /the signature, is missing/);
    await signBy("other");
    const wrong = await install(release, "--key", key);
    assertEquals(wrong.code, 1);
    assertMatch(
      wrong.output,
      /is not signed by the key in .*mine\.pub\.pem; nothing was installed/,
    );
    await assertNothingInstalled(release);
    await signBy("mine");
    assertEquals((await install(release, "--key", key, "--init", "none")).code, 0);
  });
});
