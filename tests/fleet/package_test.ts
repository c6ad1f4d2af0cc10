/**
 * The package for hosts: Debian's tools accept it, and its programs work from an unpacked tree.
 *
 * @module
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { USAGE } from "../../host/daemon/options.ts";
import { ROOT } from "../_deno.ts";
import { until } from "../_waiting.ts";
import { ScriptedAgent } from "../host/_scripted_agent.ts";
import { TempDirectory } from "../lib/_helpers.ts";
import { run, spawn } from "./_tools.ts";

const LIBRARY = "/usr/lib/kvmmanager-host";
const UNIT = `${ROOT}install/host/systemd/kvmmanager-hostd.service`;
const LAUNCHERS = ["usr/bin/kvmmanager-ctl", "usr/sbin/kvmmanager-hostd"] as const;
const MANUALS = ["man1/kvmmanager-ctl.1.gz", "man8/kvmmanager-hostd.8.gz"] as const;

/** Builds the package, unpacks it, and lets the launchers find their parts there. */
async function unpacked(directory: TempDirectory): Promise<{ file: string; tree: string }> {
  const file = directory.at("kvmmanager-host.deb");
  const words = ["run", "-A", `${ROOT}scripts/package.ts`, "deb", "--product", "kvmmanager-host"];
  const built = await run(Deno.execPath(), [...words, "--quick", "--output", file]);
  assertEquals(built.code, 0, built.stderr);
  const tree = directory.at("tree");
  assertEquals((await run("dpkg-deb", ["--raw-extract", file, tree])).code, 0);
  const sums = await run("md5sum", ["--check", "--quiet", "DEBIAN/md5sums"], { cwd: tree });
  assertEquals(sums, { code: 0, stdout: "", stderr: "" });
  for (const name of LAUNCHERS) {
    const text = await Deno.readTextFile(`${tree}/${name}`);
    assertStringIncludes(text, LIBRARY);
    await Deno.writeTextFile(`${tree}/${name}`, text.replaceAll(LIBRARY, `${tree}${LIBRARY}`));
  }
  return { file, tree };
}

Deno.test("the host's package", async (t) => {
  await using directory = await TempDirectory.make();
  const { file, tree } = await unpacked(directory);
  const ctl = `${tree}/usr/bin/kvmmanager-ctl`;

  await t.step("lintian finds nothing, and every exception is needed", async () => {
    const { stdout } = await run("lintian", ["--display-info", file]);
    const found = stdout.split("\n").filter((line) => /^[EW]:|unused-override/.test(line));
    assertEquals(found, []);
  });

  await t.step("man shows its pages, and they name every option and command", async () => {
    const pages = await Promise.all(MANUALS.map(async (page) => {
      const { stdout, stderr } = await run("man", [
        ...["--warnings", "--local-file", `${tree}/usr/share/man/${page}`],
      ], { env: { MANPAGER: "cat", LC_ALL: "C.UTF-8", MANWIDTH: "80" } });
      assertEquals(stderr, "", page);
      return stdout;
    }));
    const options = USAGE.match(/--[a-z-]+/g) ?? [];
    for (const option of options) assertStringIncludes(pages[1] ?? "", option);
    const { stdout: help } = await run(ctl, ["--help"]);
    const commands = help.match(/(?<=^ {2})[a-z][a-z-]*(?= {2})/gm) ?? [];
    for (const command of commands) {
      assertMatch(pages[0] ?? "", new RegExp(`^ +${command}\\b`, "m"));
    }
  });

  await t.step("bash completes the commands", async () => {
    const script = `. '${tree}/usr/share/bash-completion/completions/kvmmanager-ctl'
      COMP_WORDS=(kvmmanager-ctl shu) COMP_CWORD=1 COMP_LINE="kvmmanager-ctl shu" COMP_POINT=18
      _kvmmanager-ctl
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = await run("bash", ["-c", script], {
      env: { PATH: `${tree}/usr/bin:${Deno.env.get("PATH")}` },
    });
    assertEquals(stdout.trim(), "shutdown", stderr);
  });

  await t.step("systemd finds its service well confined", async () => {
    const { code, stdout } = await run("systemd-analyze", [
      ...["security", "--offline=true", "--threshold=25", UNIT],
    ]);
    assertEquals(code, 0, stdout);
  });

  await t.step("the daemon serves both sockets that systemd passes, and ctl asks it", async () => {
    await using agent = new ScriptedAgent(directory.at("web1.org.kvmmanager.agent.0"));
    const [all, see] = [directory.at("all.sock"), directory.at("see.sock")];
    const child = spawn("systemd-socket-activate", [
      ...["--listen", all, "--listen", see, "--fdname", "hostd:read-only"],
      ...[`${tree}/usr/sbin/kvmmanager-hostd`, "--channels", directory.path],
      ...["--libvirt-status", directory.at("libvirt")],
    ], { stdin: "null", stdout: "inherit", stderr: "null" });
    try {
      await until(() => Deno.lstat(see).then(() => true, () => false), "the sockets");
      const listed = await run(ctl, ["list", "--hostd", all, "--json"]);
      assertMatch(listed.stdout, /"name": *"web1"/);
      assertEquals(agent.connections, 1);
      const ping = ["call", "ping", "--domain", "web1", "--hostd"];
      assertEquals((await run(ctl, [...ping, see])).code, 0);
      const command = ["call", "exec_command", '{"command":"id"}', "--domain", "web1", "--hostd"];
      const refused = await run(ctl, [...command, see]);
      assertEquals(refused.code, 1);
      assertStringIncludes(refused.stdout, "only lets you look");
    } finally {
      child.kill("SIGTERM");
      assertEquals((await child.status).code, 0);
    }
  });
});
