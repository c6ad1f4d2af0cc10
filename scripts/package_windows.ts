/**
 * `deno task package:msi` and `package:zip`: packages of the agent for Windows.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path/posix";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { printLine } from "../lib/base/terminal.ts";
import { VERSION } from "../lib/base/version.ts";
import { sourceTime } from "./package/product.ts";
import { packMsi } from "./package/windows/msi.ts";
import { stageWindowsProgram } from "./package/windows/program.ts";
import { packZip } from "./package/windows/zip.ts";
import { requireTools } from "./vm/tools.ts";
import { downloadRuntime } from "./windows/wine.ts";
import { runOrder } from "./run_order.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));

/** How each format is built. */
const FORMATS = {
  msi: { tools: ["wixl", "msibuild"], pack: packMsi },
  zip: { tools: ["zip"], pack: packZip },
} as const;

const FORMAT_NAMES = ["msi", "zip"] as const;
const VALUED = ["runtime", "output", "directory"] as const;

const USAGE =
  `Usage: deno task package:msi [--runtime FILE] [--directory DIR | --output FILE] [--quick]
       deno task package:zip …

Builds an installer, or a zip with an install script, for 64-bit Windows: deno.exe,
the agent's bundle, and a launcher.

  --runtime FILE  the deno.exe (default: npm's, of the version that runs this)
  --directory DIR where to put it (default: dist/)
  --output FILE   where to put it under another name
  --quick         compress the zip little
`;

interface Order {
  readonly format: (typeof FORMAT_NAMES)[number];
  readonly runtime: string | undefined;
  readonly output: string;
  readonly quick: boolean;
}

function readOrder(args: readonly string[]): Order | "help" {
  const parsed = parseArgs(args, {
    boolean: ["help", "quick"],
    string: [...VALUED, "_"],
    collect: [...VALUED],
    alias: { h: "help" },
    unknown: refuseUnknown,
  });
  if (parsed.help) return "help";
  const [word, surplus] = parsed._;
  const format = FORMAT_NAMES.find((known) => known === word);
  if (format === undefined) {
    throw new UsageError(`the format must be ${FORMAT_NAMES.join(" or ")}, received "${word}"`);
  }
  if (surplus !== undefined) throw new UsageError(`unexpected argument "${surplus}"; see --help`);
  const directory = single(parsed.directory, "directory") ?? `${ROOT}dist`;
  return {
    format,
    runtime: single(parsed.runtime, "runtime"),
    output: single(parsed.output, "output") ??
      `${directory}/kvmmanager-agent-${VERSION}-windows-x64.${format}`,
    quick: parsed.quick,
  };
}

async function build({ format, runtime, output, quick }: Order): Promise<void> {
  const { tools, pack } = FORMATS[format];
  await requireTools(tools);
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-package-" });
  try {
    if (runtime === undefined) await downloadRuntime(directory);
    const program = `${directory}/program`;
    await Deno.mkdir(program);
    await stageWindowsProgram(program, runtime ?? `${directory}/deno.exe`);
    // The tools run in directories of their own.
    const absolute = output.startsWith("/") ? output : `${Deno.cwd()}/${output}`;
    await pack({ program, time: await sourceTime(), output: absolute, quick });
    const megabytes = ((await Deno.stat(absolute)).size / 1e6).toFixed(1);
    printLine(`${output}: ${megabytes} MB`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) {
  Deno.exit(
    await runOrder({ name: "package", usage: USAGE, read: readOrder, perform: build }, Deno.args),
  );
}
