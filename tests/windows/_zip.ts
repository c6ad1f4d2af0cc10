/**
 * The zip with its scripts, and that packages are the same whenever they are built.
 *
 * @module
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../lib/base/version.ts";
import { packMsi } from "../../scripts/package/windows/msi.ts";
import { stageWindowsProgram } from "../../scripts/package/windows/program.ts";
import { packZip } from "../../scripts/package/windows/zip.ts";
import { requireTools } from "../../scripts/vm/tools.ts";
import { toWindows, type Wine, wineRuntime } from "../../scripts/windows/wine.ts";
import { provideLibrary } from "./_wine.ts";

const TIME = 1_700_000_000;
const LAUNCHER = "C:\\Program Files\\KVMManager\\kvmmanager-agent.cmd";
const KEY = "HKLM\\Software\\KVMManager\\Agent";
const SERVICE_KEY = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\KVMManagerAgent";
const QGA_KEY = `${SERVICE_KEY}QGA`;

/** What the zip contains, in a folder; the zip itself is not needed to install. */
async function unpacked(directory: string, runtime: string): Promise<string> {
  const program = `${directory}/program`;
  await Deno.mkdir(program, { recursive: true });
  await stageWindowsProgram(program, runtime);
  await packZip({ program, time: TIME, output: `${directory}/agent.zip`, quick: true });
  return `${program}-zip/kvmmanager-agent-${VERSION}`;
}

/** Builds the packages around a small file instead of a runtime; returns their bytes. */
async function packagesIn(directory: string): Promise<readonly Uint8Array[]> {
  const runtime = `${directory}/runtime`;
  await Deno.mkdir(`${directory}/msi`, { recursive: true });
  await Deno.writeTextFile(runtime, "a runtime");
  await unpacked(directory, runtime);
  await stageWindowsProgram(`${directory}/msi`, runtime);
  const output = `${directory}/agent.msi`;
  await packMsi({ program: `${directory}/msi`, time: TIME, output, quick: true });
  return await Promise.all(
    ["agent.zip", "agent.msi"].map((name) => Deno.readFile(`${directory}/${name}`)),
  );
}

/** Installs the agent by the zip's scripts, and removes it. */
export async function zipSteps(t: Deno.TestContext, wine: Wine): Promise<void> {
  await requireTools(["wixl", "msibuild", "zip"]);
  const directory = await Deno.makeTempDir({ prefix: "kvm-zip-" });
  const run = async (...args: readonly string[]) => {
    const options = { stdout: "piped", stderr: "piped" } as const;
    const { code, stdout, stderr } = await wine.command("cmd", ["/d", "/c", ...args], options)
      .output();
    const [out, err] = [stdout, stderr].map((bytes) =>
      new TextDecoder().decode(bytes).replaceAll("\r", "")
    );
    return { code, stdout: out ?? "", stderr: err ?? "" };
  };
  try {
    await provideLibrary(wine);

    await t.step(
      "the zip and the MSI are the same, whenever and wherever they are built",
      async () => {
        const first = await packagesIn(`${directory}/first`);
        assertEquals(await packagesIn(`${directory}/second`), first);
      },
    );

    const folder = toWindows(await unpacked(`${directory}/real`, await wineRuntime()));

    await t.step("install.cmd installs a service that runs, with the given settings", async () => {
      const setting = "security.allowed_read_paths=C:\\Logs;D:\\My Data";
      const { code, stdout, stderr } = await run(`${folder}\\install.cmd`, "--set", setting);
      assertEquals(code, 0, stdout + stderr);
      assertMatch(
        (await run("reg", "query", KEY)).stdout,
        /security.allowed_read_paths\s+REG_MULTI_SZ\s+C:\\Logs\\0D:\\My Data/,
      );
      assertMatch((await run(LAUNCHER, "service", "status")).stdout, /^running/);
    });

    await t.step("install.cmd replaces a version that runs, and keeps the settings", async () => {
      const qga = await run(LAUNCHER, "service", "install", "--dialect=qga", "-b", "guest-exec");
      assertEquals(qga.code, 0, qga.stderr);
      const { code, stdout, stderr } = await run(`${folder}\\install.cmd`);
      assertEquals(code, 0, stdout + stderr);
      assertMatch((await run(LAUNCHER, "service", "status")).stdout, /^running/);
      assertStringIncludes((await run("reg", "query", KEY)).stdout, "security.allowed_read_paths");
      const status = await run(LAUNCHER, "service", "status", "--dialect", "qga");
      assertMatch(status.stdout, /^running/);
      const { stdout: path } = await run("reg", "query", QGA_KEY, "/v", "ImagePath");
      assertStringIncludes(path, "--dialect=qga --power=windows -b guest-exec");
    });

    await t.step("uninstall.cmd removes the service and the files", async () => {
      const { code, stdout, stderr } = await run("C:\\Program Files\\KVMManager\\uninstall.cmd");
      assertEquals(code, 0, stdout + stderr);
      for (const service of [SERVICE_KEY, QGA_KEY]) {
        assertEquals((await run("reg", "query", service)).code, 1, service);
      }
      // Wine's cmd.exe has its script open, so the empty folder stays.
      const left = Array.fromAsync(Deno.readDir(`${wine.drive}/Program Files/KVMManager`));
      assertEquals(await left.catch(() => []), []);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
