/**
 * `deno task package:deb`: the Debian package of the agent.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path/posix";
import { EXIT } from "../commands/usage.ts";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { VERSION } from "../lib/base/version.ts";
import { buildTree } from "./package/tree.ts";
import { type Architecture, ARCHITECTURES, installProgram } from "./package/program.ts";
import { MissingToolsError, requireTools, runTool } from "./vm/tools.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));

const USAGE = `Usage: deno task package:deb [--arch A] [--runtime FILE] [--output FILE] [--quick]

Builds kvmmanager-agent_${VERSION}_ARCH.deb with the agent as a bundle, the Deno
runtime, and a launcher that confines the agent to the guest's configuration.

  --arch A        ${Object.keys(ARCHITECTURES).join(" or ")} (default: this machine's)
  --runtime FILE  the deno executable for that architecture
                  (default, for this machine's: the one that runs this)
  --output FILE   default: dist/kvmmanager-agent_${VERSION}_ARCH.deb
  --quick         compress little: a larger package, built and installed sooner
`;

interface Order {
  readonly architecture: Architecture;
  readonly runtime: string | undefined;
  readonly output: string;
  readonly quick: boolean;
}

function readOrder(args: readonly string[]): Order | "help" {
  const parsed = parseArgs(args, {
    boolean: ["help", "quick"],
    string: ["arch", "runtime", "output", "_"],
    collect: ["arch", "runtime", "output"],
    alias: { h: "help" },
    unknown: refuseUnknown,
  });
  if (parsed.help) return "help";
  const [word] = parsed._;
  if (word !== undefined) throw new UsageError(`unexpected argument "${word}"; see --help`);
  const arch = single(parsed.arch, "arch") ?? (Deno.build.arch === "aarch64" ? "arm64" : "amd64");
  if (arch !== "amd64" && arch !== "arm64") {
    throw new UsageError(`--arch must be amd64 or arm64, received "${arch}"`);
  }
  return {
    architecture: arch,
    runtime: single(parsed.runtime, "runtime"),
    quick: parsed.quick,
    output: single(parsed.output, "output") ??
      `${ROOT}dist/kvmmanager-agent_${VERSION}_${arch}.deb`,
  };
}

async function build({ architecture, runtime, output, quick }: Order): Promise<void> {
  await requireTools(["dpkg-deb"]);
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-package-" });
  try {
    const tree = `${directory}/tree`;
    await installProgram(tree, { architecture, runtime });
    const time = await sourceTime();
    await buildTree(tree, { architecture, time });
    const compression = quick ? ["-Zgzip", "-z1"] : ["-Zxz"];
    await runTool("dpkg-deb", ["--build", "--root-owner-group", ...compression, tree, output], {
      env: { SOURCE_DATE_EPOCH: String(time) },
    });
    const megabytes = ((await Deno.stat(output)).size / 1e6).toFixed(1);
    printLine(`${output}: ${megabytes} MB`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/**
 * The modification time of everything in the package, in seconds since 1970, so that the same sources
 * make the same package (https://reproducible-builds.org/specs/source-date-epoch/).
 */
async function sourceTime(): Promise<number> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH");
  if (given !== undefined && /^\d+$/.test(given)) return Number(given);
  try {
    return Number(await runTool("git", ["-C", ROOT, "log", "-1", "--format=%ct"]));
  } catch {
    // Not a checkout.
    return Math.floor(Date.now() / 1000);
  }
}

async function run(args: readonly string[]): Promise<number> {
  try {
    const order = readOrder(args);
    if (order === "help") printLine(USAGE.trimEnd());
    else await build(order);
    return EXIT.ok;
  } catch (error) {
    printError(`package:deb: ${error instanceof Error ? error.message : error}`);
    if (error instanceof UsageError) return EXIT.usage;
    return error instanceof MissingToolsError ? EXIT.unavailable : EXIT.software;
  }
}

if (import.meta.main) Deno.exit(await run(Deno.args));
