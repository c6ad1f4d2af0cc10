/**
 * The MSI, installed by Wine's msiexec.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../lib/base/version.ts";
import { packMsi } from "../../scripts/package/windows/msi.ts";
import { stageWindowsProgram } from "../../scripts/package/windows/program.ts";
import { requireTools } from "../../scripts/vm/tools.ts";
import { toWindows, type Wine, wineRuntime } from "../../scripts/windows/wine.ts";
import { provideLibrary } from "./_wine.ts";

const NEWER = VERSION.replace(/\d+$/, (patch) => String(Number(patch) + 1));
const KEY = "HKLM\\Software\\KVMManager\\Agent";
/** msiexec's 1603, of which Linux sees the last eight bits. */
const FAILED = 1603 % 256;

const RUNNING = /^running, process \d+\n$/;

/** Builds an MSI of a version around the deno.exe that Wine can run. */
async function buildMsi(directory: string, version: string): Promise<string> {
  const program = `${directory}/${version}`;
  await Deno.mkdir(program);
  await stageWindowsProgram(program, await wineRuntime());
  const output = `${directory}/${version}.msi`;
  await packMsi({ program, time: 1_700_000_000, output, quick: true, version });
  return output;
}

/** Installs, upgrades and removes the agent. */
export async function msiSteps(t: Deno.TestContext, wine: Wine): Promise<void> {
  await requireTools(["wixl", "msibuild"]);
  const directory = await Deno.makeTempDir({ prefix: "kvm-msi-" });
  const run = async (program: string, ...args: readonly string[]) => {
    const options = { stdout: "piped", stderr: "piped" } as const;
    const { code, stdout } = await wine.command(program, args, options).output();
    return { code, stdout: new TextDecoder().decode(stdout).replaceAll("\r", "") };
  };
  const msiexec = async (what: string, msi: string, ...properties: readonly string[]) =>
    // Without pipes: what it leaves running would hold them.
    (await wine.command("msiexec", [what, toWindows(msi), "/qn", ...properties]).output()).code;
  const launcher = "C:\\Program Files\\KVMManager\\kvmmanager-agent.cmd";
  const status = async (dialect: string) =>
    (await run("cmd", "/d", "/c", launcher, "service", "status", "--dialect", dialect)).stdout;
  const files = `${wine.drive}/Program Files/KVMManager`;
  try {
    await provideLibrary(wine);
    const [older, newer] = await Promise.all(
      [VERSION, NEWER].map((version) => buildMsi(directory, version)),
    );
    assert(older !== undefined && newer !== undefined);

    await t.step("installs the files, the settings and a service that runs", async () => {
      const settings = [
        ...["LOGLEVEL=debug", "ALLOWEDREADPATHS=C:\\Logs;C:\\My Data\\", "QEMUGA=1"],
      ];
      assertEquals(await msiexec("/i", older, ...settings), 0);
      const { stdout } = await run("reg", "query", KEY);
      assertMatch(stdout, /log_level\s+REG_SZ\s+debug\n/);
      assertMatch(stdout, /security.allowed_read_paths\s+REG_MULTI_SZ\s+C:\\Logs\\0C:\\My Data/);
      for (const dialect of ["jsonrpc", "qga"]) assertMatch(await status(dialect), RUNNING);
      const log = await Deno.readTextFile(`${wine.drive}/ProgramData/KVMManager/agent.log`);
      assertStringIncludes(log, '"config":"HKLM\\\\Software\\\\KVMManager\\\\Agent"');
    });

    await t.step(
      "keeps a setting that somebody has changed when a newer version replaces it",
      async () => {
        const set = ["/v", "log_level", "/t", "REG_SZ", "/d", "trace", "/f"];
        await run("reg", "add", KEY, ...set);
        assertEquals(await msiexec("/i", newer), 0);
        const { stdout } = await run("reg", "query", KEY);
        // The others go in Wine, which does not tell the old version's removal that it is an upgrade.
        assertMatch(stdout, /log_level\s+REG_SZ\s+trace\n/);
        for (const dialect of ["jsonrpc", "qga"]) assertMatch(await status(dialect), RUNNING);
      },
    );

    await t.step("refuses an older version than the installed one", async () => {
      assertEquals(await msiexec("/i", older), FAILED);
      assertEquals((await Deno.stat(`${files}/deno.exe`)).isFile, true);
    });

    await t.step("leaves nothing behind but what somebody has changed", async () => {
      assertEquals(await msiexec("/x", newer), 0);
      assertEquals(await Deno.stat(files).catch(() => "absent"), "absent");
      const left = Array.fromAsync(Deno.readDir(`${wine.drive}/ProgramData/KVMManager`));
      const names = (await left.catch(() => [])).map(({ name }) => name);
      // Of Deno's cache, the name of the running deno.exe stays until the system starts again.
      assertEquals(names.filter((name) => name !== "cache"), []);
      const { stdout } = await run("reg", "query", KEY, "/s");
      assertEquals(stdout.trim().split("\n").map((line) => line.trim().replace(/\s+/g, " ")), [
        "HKEY_LOCAL_MACHINE\\Software\\KVMManager\\Agent",
        "log_level REG_SZ trace",
      ]);
      for (const name of ["KVMManagerAgent", "KVMManagerAgentQGA"]) {
        const service = `HKLM\\SYSTEM\\CurrentControlSet\\Services\\${name}`;
        assertEquals((await run("reg", "query", service)).code, 1, name);
      }
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
