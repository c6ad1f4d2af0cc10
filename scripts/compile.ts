/**
 * `deno task compile`: bundles the agent and compiles it to one binary, confined to a configuration.
 *
 * The binary has the permissions of that configuration plus access to the whole file system, so that
 * it can read a configuration file anywhere. It drops the latter at startup
 * (lib/platform/confinement.ts). The permissions it was compiled with are its first argument.
 *
 * @module
 */

import { single, UsageError } from "../lib/base/command_line.ts";
import { parseArgs } from "@std/cli/parse-args";
import { basename, dirname, fromFileUrl } from "@std/path/posix";
import { EXIT } from "../commands/exit.ts";
import manifest from "../deno.json" with { type: "json" };
import { ConfigError } from "../lib/config/load.ts";
import type { Config } from "../lib/config/schema.ts";
import { permissionFlags } from "../lib/platform/permissions.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { VERSION } from "../lib/base/version.ts";
import { checkBinary, WrongRuntimeError } from "./compile/check_binary.ts";
import { DenoFailedError, NoRuntimeError, runDenoCompile } from "./compile/deno_compile.ts";
import { LINUX } from "./compile/linux.ts";
import type { Platform } from "./compile/platform.ts";
import { WINDOWS } from "./compile/windows.ts";
import { runTool, ToolFailedError } from "./vm/tools.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));

/** The targets of `deno compile` that the agent is compiled for, with their platforms. */
const PLATFORMS = {
  "x86_64-unknown-linux-gnu": LINUX,
  "aarch64-unknown-linux-gnu": LINUX,
  "x86_64-pc-windows-msvc": WINDOWS,
} as const;

/** The targets, the first of them first. */
export const TARGETS: readonly string[] = Object.keys(PLATFORMS);

const isTarget = (text: string): text is keyof typeof PLATFORMS => Object.hasOwn(PLATFORMS, text);

const USAGE = `Usage: deno task compile [--target T] [--config FILE] [--output FILE]

  --target T     ${TARGETS.slice(0, 2).join(", ")}
                 or ${TARGETS[2]} (default: this machine's)
  --config FILE  the configuration the binary is confined to (default: the built-in defaults)
  --output FILE  default: dist/kvmmanager-agent, with .exe for Windows
`;

/** The binary's permissions as Deno flags, and the arguments it always starts with. */
export function binaryArguments(
  config: Config,
  { grantsOf }: Pick<Platform, "grantsOf">,
): { flags: string[]; baked: string[] } {
  const { granted, everything } = grantsOf(config);
  const everywhere = (paths: readonly string[]) => [...new Set([...everything, ...paths])];
  return {
    flags: [
      `--v8-flags=${manifest.v8Flags.join(",")}`,
      ...permissionFlags({
        ...granted,
        read: everywhere(granted.read),
        write: everywhere(granted.write),
      }),
    ],
    baked: [`--granted=${JSON.stringify(granted)}`],
  };
}

interface Order {
  readonly target: keyof typeof PLATFORMS;
  readonly config: string | undefined;
  readonly output: string;
}

function readOrder(args: readonly string[]): Order | "help" {
  const parsed = parseArgs(args, {
    boolean: ["help"],
    string: ["target", "config", "output"],
    collect: ["target", "config", "output"],
    alias: { h: "help" },
    unknown: (argument) => {
      throw new UsageError(`unknown argument ${argument}; see --help`);
    },
  });
  if (parsed.help) return "help";
  const config = single(parsed.config, "config");
  const target = single(parsed.target, "target") ?? Deno.build.target;
  if (!isTarget(target)) {
    throw new UsageError(`--target must be one of ${TARGETS.join(", ")}, received "${target}"`);
  }
  const output = single(parsed.output, "output") ??
    `${ROOT}dist/kvmmanager-agent${PLATFORMS[target].extension}`;
  return { target, config, output };
}

async function compile({ target, config: file, output }: Order): Promise<void> {
  const platform = PLATFORMS[target];
  const config = await platform.configOf(file);
  const { flags, baked } = binaryArguments(config, platform);
  const directory = dirname(output);
  await Deno.mkdir(directory, { recursive: true });
  // When Deno fails it removes the old binary and leaves partial files.
  const temporary = await Deno.makeTempDir({ dir: directory, prefix: ".compile-" });
  try {
    const compiled = `${temporary}/${basename(output)}`;
    const bundle = `${temporary}/bundle.js`;
    const args = ["bundle", "--quiet", "--minify", "--output", bundle, platform.main];
    await runTool(Deno.execPath(), args, { cwd: ROOT });
    await runDenoCompile(target, [
      ...manifest.bundleFlags,
      ...flags,
      `--target=${target}`,
      `--output=${compiled}`,
      bundle,
      ...baked,
    ]);
    await checkBinary(compiled, { target, version: `kvmmanager-agent ${VERSION}` });
    await Deno.rename(compiled, output);
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
  const mebibytes = ((await Deno.stat(output)).size / 2 ** 20).toFixed(0);
  printLine(`${output}: ${mebibytes} MiB, for ${target}, confined to ${file ?? "the defaults"}`);
}

async function run(args: readonly string[]): Promise<number> {
  try {
    const order = readOrder(args);
    if (order === "help") printLine(USAGE.trimEnd());
    else await compile(order);
    return EXIT.ok;
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): number {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) printError(`compile: ${error.path}: ${problem}`);
    return EXIT.config;
  }
  printError(`compile: ${error instanceof Error ? error.message : error}`);
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof NoRuntimeError || error instanceof WrongRuntimeError) {
    return EXIT.unavailable;
  }
  if (error instanceof DenoFailedError || error instanceof ToolFailedError) return EXIT.software;
  throw error;
}

if (import.meta.main) Deno.exit(await run(Deno.args));
