/**
 * `deno task compile:ctl`: kvmmanager-ctl as one binary, with the permissions of its task.
 *
 *     deno task compile:ctl [--target T] [--output FILE]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { basename, dirname, fromFileUrl } from "@std/path/posix";
import manifest from "../deno.json" with { type: "json" };
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { VERSION } from "../lib/base/version.ts";
import { checkBinary, WrongRuntimeError } from "./compile/check_binary.ts";
import { DenoFailedError, NoRuntimeError, runDenoCompile } from "./compile/deno_compile.ts";
import { taskFlags } from "./task_flags.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
const EXIT = { ok: 0, usage: 64, unavailable: 69, software: 70 } as const;
/** The platforms of QEMU hosts. */
const TARGETS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] as const;

async function compile(target: string, output: string): Promise<void> {
  const directory = dirname(output);
  await Deno.mkdir(directory, { recursive: true });
  // A failing deno compile leaves temporary files, and removes the old binary.
  const workDirectory = await Deno.makeTempDir({ dir: directory, prefix: ".compile-" });
  try {
    const fresh = `${workDirectory}/${basename(output)}`;
    await runDenoCompile(target, [
      ...manifest.bundleFlags,
      ...taskFlags("ctl"),
      `--target=${target}`,
      `--output=${fresh}`,
      `${ROOT}dist/ctl.js`,
    ]);
    await checkBinary(fresh, { target, version: `kvmmanager-ctl ${VERSION}` });
    await Deno.rename(fresh, output);
  } finally {
    await Deno.remove(workDirectory, { recursive: true });
  }
  printLine(`${output}: ${((await Deno.stat(output)).size / 1e6).toFixed(0)} MB, for ${target}`);
}

async function run(args: readonly string[]): Promise<number> {
  try {
    const parsed = parseArgs(args, {
      string: ["target", "output"],
      collect: ["target", "output"],
      unknown: refuseUnknown,
    });
    const target = single(parsed.target, "target") ?? Deno.build.target;
    if (!TARGETS.some((known) => known === target)) {
      throw new UsageError(`--target must be one of ${TARGETS.join(", ")}, received "${target}"`);
    }
    await compile(target, single(parsed.output, "output") ?? `${ROOT}dist/kvmmanager-ctl`);
    return EXIT.ok;
  } catch (error) {
    printError(`compile:ctl: ${error instanceof Error ? error.message : error}`);
    if (error instanceof UsageError) return EXIT.usage;
    if (error instanceof NoRuntimeError || error instanceof WrongRuntimeError) {
      return EXIT.unavailable;
    }
    if (error instanceof DenoFailedError) return EXIT.software;
    throw error;
  }
}

if (import.meta.main) Deno.exit(await run(Deno.args));
