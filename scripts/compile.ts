/**
 * `deno task compile`: one binary of dist/agent.js, confined to a configuration.
 *
 * Its permissions are those of the configuration and, beside them, reading and writing everywhere,
 * so that it can read a configuration from any place; it gives those up at its start
 * (lib/platform/linux/confinement.ts). What it was compiled for is baked in as its first argument.
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
import { permissionFlags, permissionsFor } from "../lib/platform/linux/grants.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { DenoFailedError, NoRuntimeError, runDenoCompile } from "./compile/deno_compile.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));

/** The platforms that `deno compile` and the agent both know. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-pc-windows-msvc",
  "aarch64-pc-windows-msvc",
] as const;

const USAGE = `Usage: deno task compile [--target T] [--config FILE] [--output FILE]

  --target T     ${TARGETS.join(", ")}
                 (default: this machine's)
  --config FILE  the configuration that the binary is confined to (default: the default one)
  --output FILE  default: dist/kvmmanager-agent
`;

/**
 * The permissions of the binary as flags of Deno, and the agent's own arguments that stand before
 * those of whoever starts it.
 *
 * @param launcher The path of the script around `deno run`, where the agent is no binary of its own:
 * what it starts itself by (commands/supervise.ts).
 */
export function binaryArguments(
  config: Config,
  launcher?: string,
): { flags: string[]; baked: string[] } {
  // The command monitor's socket can be given up at the start, but not be asked for; what the
  // service's units watch is writable for the service alone.
  const granted = permissionsFor({
    ...config,
    command_monitor: { ...config.command_monitor, enabled: true },
  }, { power: true });
  const everywhere = (paths: readonly string[]) => [...new Set(["/", ...paths])];
  return {
    flags: [
      `--v8-flags=${manifest.v8Flags.join(",")}`,
      ...permissionFlags({
        ...granted,
        read: everywhere(granted.read),
        write: everywhere(granted.write),
      }),
    ],
    baked: [
      `--granted=${JSON.stringify(granted)}`,
      ...launcher === undefined ? [] : [`--self=${launcher}`],
    ],
  };
}

interface Order {
  readonly target: string;
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
  if (!TARGETS.some((known) => known === target)) {
    throw new UsageError(`--target must be one of ${TARGETS.join(", ")}, received "${target}"`);
  }
  const output = single(parsed.output, "output") ?? `${ROOT}dist/kvmmanager-agent`;
  const isNamed = !target.includes("windows") || output.endsWith(".exe");
  return { target, config, output: isNamed ? output : `${output}.exe` };
}

async function compile({ target, config: file, output }: Order): Promise<void> {
  // Not the default file: what this machine has there is not what the guests have.
  const config = file === undefined ? DEFAULT_CONFIG : (await loadConfig(file)).config;
  const { flags, baked } = binaryArguments(config);
  const directory = dirname(output);
  await Deno.mkdir(directory, { recursive: true });
  // Deno leaves pieces behind where it fails, and takes the old binary away.
  const workshop = await Deno.makeTempDir({ dir: directory, prefix: ".compile-" });
  try {
    const fresh = `${workshop}/${basename(output)}`;
    await runDenoCompile(target, [
      ...manifest.bundleFlags,
      ...flags,
      `--target=${target}`,
      `--output=${fresh}`,
      `${ROOT}dist/agent.js`,
      ...baked,
    ]);
    await Deno.rename(fresh, output);
  } finally {
    await Deno.remove(workshop, { recursive: true });
  }
  const megabytes = ((await Deno.stat(output)).size / 1e6).toFixed(0);
  printLine(`${output}: ${megabytes} MB, for ${target}, confined to ${file ?? "the defaults"}`);
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
  if (error instanceof NoRuntimeError) return EXIT.unavailable;
  if (error instanceof DenoFailedError) return EXIT.software;
  throw error;
}

if (import.meta.main) Deno.exit(await run(Deno.args));
