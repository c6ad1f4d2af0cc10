/**
 * The packages: lintian and man accept them, and the agent works after each step of its life.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { basename, dirname } from "@std/path/posix";
import { EXIT } from "../../host/ctl/exit.ts";
import { AnswerError } from "../../host/errors.ts";
import { printError } from "../../lib/base/terminal.ts";
import { VERSION } from "../../lib/base/version.ts";
import type { Guest } from "../../scripts/vm/guest.ts";
import { currentPackages, currentRpm, currentTarball } from "../../scripts/vm/package.ts";
import { requireTools, runTool } from "../../scripts/vm/tools.ts";
import { ROOT } from "../_deno.ts";
import { PERMISSION_DENIED } from "../_error_codes.ts";
import { bootGuest } from "./_guest.ts";
import { buildProvider, POPT } from "./_rpm.ts";
import { configure, mainPid, SERVICE, sinceStart } from "./_service.ts";
import { allowUpdates, assertVersion, buildLater, LATER, update } from "./_updates.ts";

const INSTALL_MS = 120_000;

/** The manual pages of each package. */
const MANUALS = {
  agent: ["man8/kvmmanager-agent.8.gz", "man5/kvmmanager-agent.json.5.gz"],
  qga: ["man8/kvmmanager-agent-qga.8.gz"],
} as const;

for (const which of ["agent", "qga"] as const) {
  Deno.test(`lintian and man accept the package: ${which}`, async () => {
    await requireTools(["lintian", "man"]);
    const directory = await Deno.makeTempDir();
    try {
      const file = (await currentPackages(printError))[which];
      assertEquals(await runTool("lintian", ["--fail-on", "error,warning", file]), "");
      const overrides = ["--display-info", "--tags", "unused-override", file];
      assertEquals(await runTool("lintian", overrides), "");
      const raw = `${directory}/raw`;
      await runTool("dpkg-deb", ["--raw-extract", file, raw]);
      await runTool("md5sum", ["--check", "--quiet", "DEBIAN/md5sums"], { cwd: raw });
      for (const page of MANUALS[which]) {
        const manual = `${raw}/usr/share/man/${page}`;
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
}

/** Asserts that the agent runs a command of the host, in the control group for commands. */
async function assertRunsCommands(guest: Guest): Promise<void> {
  const client = await guest.client();
  await using _client = client;
  const { exit_code, stdout } = await client.call("exec_command", {
    command: "cut",
    args: ["-d:", "-f3", "/proc/self/cgroup"],
  });
  assertEquals({ exit_code, stdout }, {
    exit_code: 0,
    stdout: `/system.slice/${SERVICE}/commands\n`,
  });
  const agent = await guest.root(
    `cut -d: -f3 /proc/$(systemctl show -P MainPID ${SERVICE})/cgroup`,
  );
  assertEquals(agent, `/system.slice/${SERVICE}/agent\n`);
}

/** What dpkg itself prints while it installs a package. */
const EXPECTED_OUTPUT =
  /^(Selecting previously unselected package|\(Reading database|Preparing to unpack|Unpacking|Setting up|Installing new version of config file|$)/;

/** Asserts that nothing of the agent is left in the guest. */
async function assertNothingLeft(guest: Guest): Promise<void> {
  const found = await guest.root(
    "find / /run -xdev -name '*kvmmanager-agent*' -not -path '/proc/*' -not -path '/sys/*' " +
      "-not -path '/root/*' -not -path '/tmp/*' | sort",
  );
  assertEquals(found, "");
}

/** A tar with the agent's tarball, its sums and install.sh, and with the rpm and what it requires. */
async function packAttachment(directory: string): Promise<string> {
  const path = `${directory}/files.tar`;
  const tarball = await currentTarball(printError);
  await buildProvider(directory);
  await Deno.copyFile(await currentRpm(printError), `${directory}/agent.rpm`);
  await Deno.writeTextFile(`${directory}/popt`, POPT);
  await runTool("tar", [
    ...["-cf", path, "-C", dirname(tarball), basename(tarball), "SHA256SUMS"],
    ...["-C", `${ROOT}install/tarball`, "install.sh"],
    ...["-C", directory, "agent.rpm", "provider.rpm", "popt"],
  ]);
  return path;
}

Deno.test("the package in a running guest", async (t) => {
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-package-" });
  await using _directory = {
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
  const later = await buildLater();
  await using _versions = later.versions;
  const guest = await bootGuest({ attachment: await packAttachment(directory) });
  await using _guest = guest;
  await t.step("commands run after the first boot", () => assertRunsCommands(guest));

  /** Installs the package; dpkg's own lines are all that may be printed. */
  const install = async () => {
    const output = await guest.root(
      "DEBIAN_FRONTEND=noninteractive dpkg -i /root/agent.deb 2>&1 </dev/null",
      INSTALL_MS,
    );
    const surprising = output.split(/[\r\n]+/).filter((line) => !EXPECTED_OUTPUT.test(line));
    assertEquals(surprising, [], "the installation prints nothing of its own");
  };

  await t.step("commands run after a second `systemctl start`", async () => {
    const pid = await mainPid(guest);
    await guest.root(`systemctl start ${SERVICE}`);
    assertEquals(await mainPid(guest), pid, "it was running already");
    await assertRunsCommands(guest);
  });

  await t.step("commands run after a reload", async () => {
    await guest.root(`systemctl kill --kill-who=main --signal=HUP ${SERVICE}`);
    await assertRunsCommands(guest);
    await guest.root("systemctl daemon-reload");
    await assertRunsCommands(guest);
  });

  await t.step("commands run after a restart", async () => {
    await guest.root(`systemctl restart ${SERVICE}`);
    await guest.ready();
    await assertRunsCommands(guest);
  });

  await t.step("an update that another key has signed is refused", async () => {
    await allowUpdates(guest, later.versions.updateKey);
    const client = await guest.client();
    await using _client = client;
    const name = basename(later.deb);
    const error = await assertRejects(() =>
      client.call("agent_update", {
        job_id: "update",
        path: `/tmp/kvmmanager/${name}`,
        sums: `${"0".repeat(64)}  ${name}\n`,
        signature: new Uint8Array(64).toBase64(),
      }), AnswerError);
    assertEquals(error.code, PERMISSION_DENIED);
    assertMatch(error.reason, /SHA256SUMS is not signed by the key in security\.update_key/);
  });

  await t.step(
    "an update by the host keeps the configuration, and commands run after it",
    async () => {
      const before = await guest.root("cat /etc/kvmmanager-agent/config.json");
      const pid = await mainPid(guest);
      const { code, printed, said } = await update(guest, later.deb);
      assertEquals([code, printed], [0, `the agent is ${LATER} now; it was ${VERSION}\n`], said);
      await assertVersion(guest, LATER);
      assert(await mainPid(guest) !== pid, "the new version runs");
      assertEquals(await guest.root("cat /etc/kvmmanager-agent/config.json"), before);
      assertEquals(await guest.root("systemctl --failed --no-legend --plain"), "");
      await assertRunsCommands(guest);
    },
  );

  await t.step("an update to an agent that ends at once puts the old one back", async () => {
    const { code, said } = await update(guest, later.broken);
    assertEquals(code, EXIT.errorAnswer, said);
    assertMatch(
      said,
      new RegExp(`was not up within 60 s; the guest has put ${LATER.replaceAll(".", "\\.")} back`),
    );
    await assertVersion(guest, LATER);
    assertEquals(
      await guest.root("dpkg-query -W kvmmanager-agent; dpkg -V kvmmanager-agent"),
      `kvmmanager-agent\t${LATER}\n??5?????? c /etc/kvmmanager-agent/config.json\n`,
    );
    assertEquals(await guest.root("systemctl --failed --no-legend --plain"), "");
    await assertRunsCommands(guest);
  });

  await t.step("an agent answers after a power cut in the middle of an upgrade", async () => {
    // While the new program's file is being written, the old one has its name.
    await guest.root(
      `dpkg -i /root/agent.deb >/dev/null 2>&1 </dev/null &
      until [ -e /usr/lib/kvmmanager-agent/kvmmanager-agent.dpkg-new ]; do sleep .1; done`,
      INSTALL_MS,
    );
    await guest.powerOn();
    await guest.ready();
    await guest.rootReady();
    await assertRunsCommands(guest);
    const status = "dpkg-query --show --showformat='${Status}' kvmmanager-agent";
    assertMatch(await guest.root(status), /half-installed/);
    await guest.root("dpkg --force-confold -i /root/agent.deb 2>&1 </dev/null", INSTALL_MS);
    await guest.ready();
    assertEquals(await guest.root(status), "install ok installed");
    await assertRunsCommands(guest);
  });

  await t.step("the agent is confined to a configuration that allows more", async () => {
    await guest.root("mkdir -p '/srv/a, b'; echo secret >'/srv/a, b/file'; chmod -R a+rX /srv");
    await configure(guest, {
      audit_file: "/var/log/kvmmanager-agent/audit.log",
      security: { allowed_read_paths: ["/srv/a, b"], allowed_write_paths: ["/tmp/kvmmanager"] },
    });
    const client = await guest.client();
    await using _client = client;
    const { content } = await client.call("file_read", { path: "/srv/a, b/file" });
    assertEquals(content, "secret\n");
    const log = await sinceStart(guest);
    assertMatch(log, /"message":"confined/);
    assert(!log.includes("not confined"), log);
    assertMatch(await guest.root("cat /var/log/kvmmanager-agent/audit.log"), /"file_read"/);
  });

  await t.step("a second start with the same configuration starts the runtime once", async () => {
    const flags = "/var/lib/kvmmanager-agent/flags";
    const before = await guest.root(`stat -c '%U %a %Y %i' ${flags}`);
    assertMatch(before, /^root 644 /);
    await guest.root(`systemctl restart ${SERVICE}`);
    await guest.ready();
    assertEquals(await guest.root(`stat -c '%U %a %Y %i' ${flags}`), before);
  });

  await t.step("after SIGHUP the log says that an added path needs a restart", async () => {
    await guest.root(
      `sed -i 's#"/srv/a, b"#"/srv/a, b", "/srv/more"#' /etc/kvmmanager-agent/config.json
       systemctl kill --kill-who=main --signal=HUP ${SERVICE}
       until journalctl -u ${SERVICE} -o cat | grep -q "allows more than this process was granted.*/srv/more.*restart the agent"; do sleep .5; done`,
    );
  });

  await t.step("removing it stops the agent and leaves the configuration", async () => {
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
    assertEquals(await guest.root("systemctl --failed --no-legend --plain"), "");
  });

  await t.step("commands run after it was removed and installed again", async () => {
    await install();
    await guest.ready();
    await assertRunsCommands(guest);
  });

  await t.step("a log file that the configuration names is written and rotated", async () => {
    await configure(guest, { log_file: "/var/log/kvmmanager-agent.log" });
    const pid = await mainPid(guest);
    await guest.root(
      `mv /var/log/kvmmanager-agent.log /var/log/kvmmanager-agent.log.1; ` +
        `install -m 640 -o kvmmanager-agent -g adm /dev/null /var/log/kvmmanager-agent.log; ` +
        `systemctl kill --kill-who=main --signal=HUP ${SERVICE}; ` +
        `until grep -q reopened /var/log/kvmmanager-agent.log; do sleep .2; done`,
    );
    assertEquals(await mainPid(guest), pid);
  });

  await t.step("purging it leaves nothing but its user", async () => {
    await guest.root("dpkg -P kvmmanager-agent 2>&1", INSTALL_MS);
    await assertNothingLeft(guest);
    assertMatch(await guest.root("getent passwd kvmmanager-agent"), /nologin/);
    assertEquals(await guest.root("systemctl --failed --no-legend --plain"), "");
    assert((await guest.tryRoot(`systemctl cat ${SERVICE}`)).status !== 0);
  });

  await t.step("the tarball's agent answers under systemd, with its own C library", async () => {
    const output = await guest.root(
      "tar -C /root -xf /dev/vdb && sh /root/install.sh /root/kvmmanager-agent.tar.gz 2>&1",
      INSTALL_MS,
    );
    assertMatch(output, /^kvmmanager-agent \S+ is installed \(systemd\)$/m);
    await guest.ready();
    await assertRunsCommands(guest);
    const libraries = await guest.root(
      `grep -o '/[^ ]*libc\\.so\\.6' /proc/${await mainPid(guest)}/maps | sort -u`,
    );
    assertEquals(libraries, "/usr/lib/kvmmanager-agent/lib/libc.so.6\n");
  });

  await t.step("uninstall.sh --purge leaves nothing but the user", async () => {
    await guest.root("sh /usr/lib/kvmmanager-agent/uninstall.sh --purge 2>&1", INSTALL_MS);
    await assertNothingLeft(guest);
  });

  await t.step("the rpm's agent answers under systemd", async () => {
    const output = await guest.root(
      "cp /root/popt /etc/popt; rpm --upgrade --nosignature /root/provider.rpm /root/agent.rpm 2>&1",
      INSTALL_MS,
    );
    assertEquals(output, "");
    await guest.ready();
    await assertRunsCommands(guest);
    assertEquals(await guest.root("rpm -V kvmmanager-agent"), "");
    assertEquals(await guest.root(`systemctl is-enabled ${SERVICE}`), "enabled\n");
    assertEquals(await guest.root("systemctl --failed --no-legend --plain"), "");
  });

  await t.step("the host updates an rpm, and the configuration is kept", async () => {
    await allowUpdates(guest, later.versions.updateKey);
    const before = await guest.root("cat /etc/kvmmanager-agent/config.json");
    const { code, printed, said } = await update(guest, later.rpm);
    assertEquals([code, printed], [0, `the agent is ${LATER} now; it was ${VERSION}\n`], said);
    await assertVersion(guest, LATER);
    await assertRunsCommands(guest);
    assertEquals(await guest.root("cat /etc/kvmmanager-agent/config.json"), before);
    assertEquals(
      await guest.root("rpm -q kvmmanager-agent"),
      `kvmmanager-agent-${LATER}-1.x86_64\n`,
    );
    assertEquals(await guest.root("rpm -V --noconfig kvmmanager-agent"), "");
    assertEquals(await guest.root("systemctl --failed --no-legend --plain"), "");
  });

  await t.step("removing the rpm leaves nothing but its user and what was changed", async () => {
    await guest.root("rpm -e kvmmanager-agent 2>&1", INSTALL_MS);
    assertEquals(await guest.root("pgrep -u kvmmanager-agent || true"), "");
    await guest.root("rm /etc/kvmmanager-agent/config.json.rpmsave; rmdir /etc/kvmmanager-agent");
    await assertNothingLeft(guest);
    assertMatch(await guest.root("getent passwd kvmmanager-agent"), /nologin/);
    assertEquals(await guest.root("systemctl --failed --no-legend --plain"), "");
  });
});
