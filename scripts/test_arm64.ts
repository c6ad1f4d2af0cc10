/**
 * `deno task test:arm64`: builds the packages for arm64 and tests what is in them under QEMU's user
 * emulation.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { EXIT } from "../commands/exit.ts";
import { UsageError } from "../lib/base/command_line.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { emulate, EMULATOR, FORMATS, takeApart } from "./package/emulated.ts";
import { ARCHITECTURES } from "./package/program.ts";
import { cached, hashOf } from "./vm/cache.ts";
import { MissingToolsError, requireTools, runTool } from "./vm/tools.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
const TESTS = "tests/arm64";
/** A busy registry is no reason to fail. */
const ATTEMPTS = 3;
const PAUSE_MS = 5000;

const USAGE = `Usage: deno task test:arm64 [--runtime FILE] [FILE…] [OPTION…]

Builds the deb, the rpm and the tarball for arm64, takes them apart, and runs
their program under QEMU's user emulation.

  --runtime FILE  a deno for arm64, first (default: npm's package of it, cached)
  FILE…           tests to run (default: ${TESTS}); those of tests/agent run
                  with the tarball's program
  OPTION…         passed on to deno test
`;

/** npm's build of the runtime, from the cache or downloaded. */
async function npmRuntime(): Promise<string> {
  const name = `${ARCHITECTURES.arm64.npm}@${Deno.version.deno}`;
  return await cached("runtime-arm64", await hashOf(name), async (path) => {
    printLine(`downloading ${name} (once, then cached)`);
    const directory = await Deno.makeTempDir({ prefix: "kvmmanager-npm-" });
    try {
      for (let attempt = 1;; attempt++) {
        try {
          await runTool("npm", ["pack", "--silent", name, "--pack-destination", directory]);
          break;
        } catch (error) {
          if (attempt === ATTEMPTS) throw error;
          await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        }
      }
      await runTool("/bin/sh", ["-c", "tar -xzf *.tgz"], { cwd: directory });
      await Deno.chmod(`${directory}/package/deno`, 0o755);
      await Deno.copyFile(`${directory}/package/deno`, path);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

async function test(runtime: string, args: readonly string[]): Promise<number> {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "kvmmanager-arm64-" }));
  try {
    await Deno.mkdir(`${directory}/packages`);
    for (const { format } of FORMATS) {
      await runTool(Deno.execPath(), [
        ...["run", "-A", "scripts/package.ts", format, "--arch", "arm64", "--runtime", runtime],
        ...["--directory", `${directory}/packages`, "--quick"],
      ], { cwd: ROOT });
    }
    for await (const { name } of Deno.readDir(`${directory}/packages`)) {
      const known = FORMATS.find(({ fileName }) => fileName.test(name));
      if (known === undefined) throw new Error(`unexpected package ${name}`);
      const { format, ownLibraries } = known;
      await Deno.mkdir(`${directory}/${format}`);
      await takeApart(format, `${directory}/packages/${name}`, `${directory}/${format}`);
      await emulate(`${directory}/${format}`, ownLibraries);
    }
    const binary = `${directory}/tar/usr/bin/kvmmanager-agent`;
    printLine(`testing the tarball's program for arm64 under ${EMULATOR}: ${binary}`);
    const wanted = args.some((arg) => !arg.startsWith("-")) ? [] : [TESTS];
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--parallel", ...wanted, ...args],
      cwd: ROOT,
      env: {
        KVMMANAGER_AGENT_BINARY: binary,
        KVMMANAGER_AGENT_EMULATED: "1",
        KVMMANAGER_ARM64_PACKAGES: directory,
        KVMMANAGER_ARM64_RUNTIME: runtime,
      },
    }).spawn().status;
    return code;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Everything but `--runtime FILE` is passed on. */
function readArguments(args: readonly string[]): { runtime: string | undefined; rest: string[] } {
  const [first, file, ...rest] = args;
  if (first !== "--runtime") return { runtime: undefined, rest: [...args] };
  if (file === undefined) throw new UsageError("--runtime needs a file");
  return { runtime: file, rest };
}

async function run(args: readonly string[]): Promise<number> {
  try {
    if (args.includes("--help") || args.includes("-h")) {
      printLine(USAGE.trimEnd());
      return EXIT.ok;
    }
    const { runtime, rest } = readArguments(args);
    await requireTools([
      ...["qemu-aarch64-static", "npm", "dpkg-deb", "rpmbuild", "rpm2cpio"] as const,
      ...["checkmodule", "semodule_package"] as const,
      ...["cpio", "tar", "xz"] as const,
    ]);
    return await test(runtime ?? await npmRuntime(), rest);
  } catch (error) {
    printError(`test:arm64: ${error instanceof Error ? error.message : error}`);
    if (error instanceof UsageError) return EXIT.usage;
    return error instanceof MissingToolsError ? EXIT.unavailable : EXIT.software;
  }
}

if (import.meta.main) Deno.exit(await run(Deno.args));
