/**
 * `deno task mutate [--seconds N] [--files TEXT] [--seed S]`: breaks the sources in small ways, one
 * at a time, in a copy of the tree, and lists what no test notices. A survivor is a missing test or
 * a change that makes no difference; a person decides which.
 *
 * There is no mutation tester for Deno. StrykerJS can run any command, but would run all tests for
 * every mutation, and does not see the shell scripts in the sources.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { mutate, type Survivor } from "./mutate/run.ts";
import { filesBelow } from "./mutate/tests_of.ts";
import { Workshop } from "./mutate/workshop.ts";

const DEFAULT_SECONDS = 600;
/** Code where bugs cost most: it decides, kills processes or records. */
const FOLDERS = [
  "lib/policy",
  "lib/platform/linux/processes",
  "lib/monitor",
  "lib/audit",
  "lib/core",
] as const;
const NAMES = ["seconds", "files", "seed"] as const;

async function main(args: readonly string[]): Promise<void> {
  const parsed = parseArgs(args, { string: NAMES, collect: NAMES, unknown: refuseUnknown });
  const option = (name: (typeof NAMES)[number]) => single(parsed[name] ?? [], name);
  const seconds = Number(option("seconds") ?? DEFAULT_SECONDS);
  if (!(seconds > 0)) throw new UsageError("--seconds must be a number above 0");
  const seed = option("seed") ?? crypto.randomUUID();
  const wanted = option("files");
  const { signal } = stoppedBy("SIGINT", "SIGTERM", "SIGHUP");
  await using workshop = await Workshop.copyOf(new URL("..", import.meta.url).pathname);
  const folders = wanted === undefined ? FOLDERS : ["lib", "handlers", "commands"];
  const files = (await Promise.all(
    folders.map((folder) => filesBelow(workshop.root, folder, ".ts")),
  )).flat().filter((file) => wanted === undefined || file.includes(wanted));
  if (files.length === 0) throw new UsageError(`--files ${wanted} matches no file`);
  printLine(`mutating ${files.length} files for at most ${seconds} s, seed ${seed}`);
  const report = await mutate(workshop, { files, seconds, seed, onSurvivor: tell, signal });
  for (const { file, why } of report.skipped) printLine(`skipped ${file}: ${why}`);
  printLine(
    `${report.killed} noticed, ${report.survivors.length} survived, ${report.untried} not tried`,
  );
}

/** Someone stopped the run, which then removed its copy of the tree. */
class Stopped extends Error {
  override readonly name = "Stopped";
}

/** Aborted by these signals instead of ending the process with the copy of the tree left behind. */
function stoppedBy(...names: Deno.Signal[]): AbortController {
  const controller = new AbortController();
  for (const name of names) {
    Deno.addSignalListener(name, () => controller.abort(new Stopped(`stopped by ${name}`)));
  }
  return controller;
}

const tell = ({ file, line, what }: Survivor) => printLine(`survived ${file}:${line}  ${what}`);

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof Stopped)) throw error;
    printError(`mutate: ${error.message}`);
    Deno.exit(error instanceof UsageError ? 64 : 130);
  }
}
