/**
 * `deno task compile`: compiles the agent's bundle to one binary, confined to a configuration.
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
import { EXIT } from "../commands/usage.ts";
import manifest from "../deno.json" with { type: "json" };
import { ConfigError, loadConfig } from "../lib/config/load.ts";
import { type Config, DEFAULT_CONFIG } from "../lib/config/schema.ts";
import { permissionsFor } from "../lib/platform/linux/grants.ts";
import { permissionFlags } from "../lib/platform/permissions.ts";
import { LISTEN_SOCKET } from "../lib/platform/linux/permission_remedy.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { VERSION } from "../lib/base/version.ts";
import { checkBinary, WrongRuntimeError } from "./compile/check_binary.ts";
import { DenoFailedError, NoRuntimeError, runDenoCompile } from "./compile/deno_compile.ts";
import { windowsConfigOf, windowsGrants } from "./compile/windows.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));

/** The platforms the agent runs on. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-pc-windows-msvc",
] as const;

/** One of {@link TARGETS}. */
export type Target = typeof TARGETS[number];

const isWindows = (target: Target) => target === "x86_64-pc-windows-msvc";

const USAGE = `Usage: deno task compile [--target T] [--config FILE] [--output FILE]

  --target T     ${TARGETS.slice(0, 2).join(", ")}
                 or ${TARGETS[2]} (default: this machine's)
  --config FILE  the configuration the binary is confined to (default: the built-in defaults)
  --output FILE  default: dist/kvmmanager-agent, with .exe for Windows
`;

/** The binary's permissions as Deno flags, and the arguments it always starts with. */
export function binaryArguments(
  config: Config,
  target: Target = "x86_64-unknown-linux-gnu",
): { flags: string[]; baked: string[] } {
  const { granted, everything } = isWindows(target) ? windowsGrants(config) : linuxGrants(config);
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

function linuxGrants(config: Config) {
  // The agent can drop the command monitor's socket at startup but cannot ask for it later. The
  // files the power units watch are writable only by the service. One socket is granted for
  // --channel listen:, and dropped unless the command line names it.
  const granted = permissionsFor({
    ...config,
    command_monitor: { ...config.command_monitor, enabled: true },
  }, { power: true, listen: LISTEN_SOCKET });
  return { granted, everything: ["/"] };
}

interface Order {
  readonly target: Target;
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
  const wanted = single(parsed.target, "target") ?? Deno.build.target;
  const target = TARGETS.find((known) => known === wanted);
  if (target === undefined) {
    throw new UsageError(`--target must be one of ${TARGETS.join(", ")}, received "${wanted}"`);
  }
  const output = single(parsed.output, "output") ??
    `${ROOT}dist/kvmmanager-agent${isWindows(target) ? ".exe" : ""}`;
  return { target, config, output };
}

async function compile({ target, config: file, output }: Order): Promise<void> {
  // Not this machine's configuration file: guests have a different one.
  const config = isWindows(target)
    ? await windowsConfigOf(file)
    : file === undefined
    ? DEFAULT_CONFIG
    : (await loadConfig(file)).config;
  const { flags, baked } = binaryArguments(config, target);
  const directory = dirname(output);
  await Deno.mkdir(directory, { recursive: true });
  // When Deno fails it removes the old binary and leaves partial files.
  const temporary = await Deno.makeTempDir({ dir: directory, prefix: ".compile-" });
  try {
    const compiled = `${temporary}/${basename(output)}`;
    await runDenoCompile(target, [
      ...manifest.bundleFlags,
      ...flags,
      `--target=${target}`,
      `--output=${compiled}`,
      `${ROOT}dist/${isWindows(target) ? "agent-windows.js" : "agent.js"}`,
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
  if (error instanceof DenoFailedError) return EXIT.software;
  throw error;
}

if (import.meta.main) Deno.exit(await run(Deno.args));
