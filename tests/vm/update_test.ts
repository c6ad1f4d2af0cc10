/**
 * install/lib/update in a Debian file system: what it refuses, installs and puts back. Its packages
 * lack the program, and the service manager is a script that looks at what is installed.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { printError } from "../../lib/base/terminal.ts";
import { VERSION } from "../../lib/base/version.ts";
import { AGENT } from "../../scripts/package/agent.ts";
import { packDeb } from "../../scripts/package/deb.ts";
import { stage } from "../../scripts/package/product.ts";
import { packTarball } from "../../scripts/package/tarball.ts";
import { baseRoot } from "../../scripts/vm/image.ts";
import { requireTools, runTool } from "../../scripts/vm/tools.ts";

const NEXT = "1.99.0";
const CONFIG = "/etc/kvmmanager-agent/config.json";

/** The agent's process has the number that is in its bundle, and none if it is broken. */
const SYSTEMCTL = `#!/bin/sh
read -r pid </usr/lib/kvmmanager-agent/agent.js
case $* in
*--property=MainPID*) echo "$pid" ;;
*--property=Watchdog*) echo "$pid" ;;
esac
`;

interface Result {
  readonly code: number;
  readonly output: string;
}

/** Runs a script as root in a mount namespace of its own. */
async function asRoot(script: string): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: [
      "--mount",
      ...Deno.uid() === 0 ? [] : ["--map-root-user", "--map-auto"],
      ...["/bin/sh", "-c", script],
    ],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, output: decode(stdout) + decode(stderr) };
}

const ARCHITECTURE = Deno.build.arch === "aarch64" ? "arm64" : "amd64";

interface Variant {
  readonly version?: string;
  readonly architecture?: "amd64" | "arm64";
  /** The first line of the bundle. */
  readonly pid: string;
}

/** A guest's file system, and packages without a program. */
class Guest implements AsyncDisposable {
  private constructor(readonly directory: string) {}

  static async make(): Promise<Guest> {
    await requireTools(["unshare", "dpkg-deb"]);
    const guest = new Guest(await Deno.makeTempDir({ prefix: "kvmmanager-update-" }));
    const { root } = guest;
    const { code, output } = await asRoot(
      `mkdir ${root} && tar -C ${root} --exclude='./dev/*' --exclude=./usr/lib/modules \\
        --exclude=./boot --exclude=./usr/share/doc -xf ${await baseRoot("systemd", printError)} &&
      : >${root}/dev/null && chmod 666 ${root}/dev/null && mkdir -p ${root}/run/systemd/system &&
      mkdir ${root}/fake && printf '#!/bin/sh\\n' | tee ${root}/fake/sleep >${root}/fake/udevadm &&
      cat >${root}/fake/systemctl <<'END' && chmod 755 ${root}/fake/*\n${SYSTEMCTL}END`,
    );
    assertEquals([code, output], [0, ""]);
    return guest;
  }

  get root(): string {
    return `${this.directory}/root`;
  }

  /** Builds a package and puts it into the guest. */
  async pack(
    kind: "deb" | "tar",
    { version = VERSION, architecture = ARCHITECTURE, pid }: Variant,
  ): Promise<string> {
    const work = await Deno.makeTempDir({ dir: this.directory });
    const tree = `${work}/tree`;
    await stage(tree, AGENT);
    await Deno.writeTextFile(`${tree}/usr/lib/kvmmanager-agent/agent.js`, `${pid}\n`);
    const name = kind === "deb"
      ? `kvmmanager-agent_${version}_${architecture}.deb`
      : `kvmmanager-agent-${version}-linux-${architecture}.tar.gz`;
    const built = `${work}/built`;
    const options = { product: AGENT, architecture, time: 1_700_000_000, output: built };
    await (kind === "deb" ? packDeb : packTarball)(tree, { ...options, quick: true });
    if (version !== VERSION) await this.#relabel(kind, built, version);
    await Deno.rename(built, `${this.root}/tmp/${name}`);
    return `/tmp/${name}`;
  }

  /** Gives a package another version. */
  async #relabel(kind: "deb" | "tar", file: string, version: string): Promise<void> {
    const work = await Deno.makeTempDir({ dir: this.directory });
    await runTool(
      "sh",
      [
        "-ec",
        kind === "deb"
          ? `dpkg-deb -R ${file} tree; sed -i 's/^Version: .*/Version: ${version}/' tree/DEBIAN/control
          dpkg-deb --root-owner-group -Zgzip -z1 -b tree ${file}`
          : `tar -xf ${file}; cd *; echo ${version} >version; rm SHA256SUMS
          find . -type f -exec sha256sum {} + >../sums; mv ../sums SHA256SUMS
          cd ..; tar -czf ${file} *`,
      ],
      { cwd: work },
    );
  }

  /** Runs a program in the guest. */
  run(words: string): Promise<Result> {
    return asRoot(
      `mount --bind /dev/null ${this.root}/dev/null
      chroot ${this.root} env -i PATH=/fake:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C sh -c '${words}'`,
    );
  }

  async update(file: string, { sum, more = "" }: { sum?: string; more?: string } = {}) {
    const actual = (await runTool("sha256sum", [`${this.root}${file}`])).slice(0, 64);
    return await this.run(`sh /usr/lib/kvmmanager-agent/update ${file} ${sum ?? actual} ${more}`);
  }

  /** What the update has left to be told: state, versions and reason. */
  async outcome(): Promise<readonly string[]> {
    const { output } = await this.run("cat /var/lib/kvmmanager-agent/update/outcome");
    return output.split("\n").filter((_line, index) => index !== 1 && index !== 2);
  }

  /** The process and the configuration of what is installed, and whether anything is left over. */
  async state(): Promise<string> {
    const { output } = await this.run(
      `cat /usr/lib/kvmmanager-agent/agent.js ${CONFIG}; ls /var/lib/kvmmanager-agent/update`,
    );
    return output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await asRoot(`rm -rf ${this.directory}`);
  }
}

const stateOf = (pid: string) => `${pid}\n{}\nlock\nlog\noutcome\n`;

Deno.test("the agent's own update", async (t) => {
  await using guest = await Guest.make();
  const own = await guest.pack("deb", { pid: "1" });
  assertEquals((await guest.run(`dpkg -i ${own}`)).code, 0);
  await guest.run(`echo "{}" >${CONFIG}`);
  const next = await guest.pack("deb", { version: NEXT, pid: "2" });

  /** Expects that a file is refused, and that nothing changes. */
  const refused = (
    name: string,
    file: () => Promise<string>,
    reason: RegExp,
    options: { readonly sum?: string } = {},
  ) =>
    t.step(`${name} is refused`, async () => {
      const { code, output } = await guest.update(await file(), options);
      assertEquals(code, 1, output);
      assertMatch(output, reason);
      assertMatch(output, /nothing was changed/);
      const [state, , , told = ""] = await guest.outcome();
      assertEquals(state, "refused");
      assertMatch(told, reason);
      assertEquals(await guest.state(), stateOf("1"));
    });

  await refused(
    "a file with another checksum",
    () => Promise.resolve(next),
    /does not have the checksum that was signed/,
    { sum: "0".repeat(64) },
  );
  await refused("a truncated package", async () => {
    const file = "/tmp/kvmmanager-agent_truncated.deb";
    await Deno.copyFile(`${guest.root}${next}`, `${guest.root}${file}`);
    await Deno.truncate(`${guest.root}${file}`, 5000);
    return file;
  }, /truncated\.deb is not a complete Debian package/);
  await refused(
    "a package for another processor",
    () =>
      guest.pack("deb", { architecture: ARCHITECTURE === "amd64" ? "arm64" : "amd64", pid: "3" }),
    /is for a\w+64, and this guest is a\w+64/,
  );
  await refused(
    "an older version",
    () => guest.pack("deb", { version: "0.1.0", pid: "4" }),
    /which is newer than 0\.1\.0; --downgrade installs it anyway/,
  );
  await refused(
    "a tarball where a Debian package is installed",
    () => guest.pack("tar", { version: NEXT, pid: "5" }),
    /was not installed from a tarball/,
  );

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
    const broken = await guest.pack("deb", { version: "1.50.0", pid: "0" });
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
    assertEquals(version, `kvmmanager-agent\t${VERSION}\n`);
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
