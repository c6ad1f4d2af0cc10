/**
 * `deno task fuzz [--seconds N] [--seed S] [--target NAME]`: random inputs for everything that
 * reads outside data. The same seed makes the same inputs; a failing input is printed as a file for
 * tests/corpus. `--replay` tries the existing files.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { replay } from "./fuzz/corpus.ts";
import { type Find, run } from "./fuzz/run.ts";
import type { Target } from "./fuzz/target.ts";
import { TARGETS } from "./fuzz/targets/mod.ts";

const DEFAULT_SECONDS = 60;
const NAMES = ["seconds", "seed", "target"] as const;

interface Options {
  readonly seconds: number;
  readonly seed: string;
  readonly targets: readonly Target[];
  readonly isReplay: boolean;
}

function readOptions(args: readonly string[]): Options {
  const parsed = parseArgs(args, {
    boolean: ["replay"],
    string: NAMES,
    collect: NAMES,
    unknown: refuseUnknown,
  });
  const option = (name: (typeof NAMES)[number]) => single(parsed[name] ?? [], name);
  const seconds = Number(option("seconds") ?? DEFAULT_SECONDS);
  if (!(seconds > 0)) throw new UsageError("--seconds must be a number above 0");
  const wanted = option("target");
  const targets = TARGETS.filter(({ name }) => wanted === undefined || name === wanted);
  if (targets.length === 0) {
    throw new UsageError(`--target must be one of ${TARGETS.map(({ name }) => name).join(", ")}`);
  }
  return { seconds, seed: option("seed") ?? crypto.randomUUID(), targets, isReplay: parsed.replay };
}

const countsText = (counts: ReadonlyMap<string, number>) =>
  [...counts].map(([name, count]) => `${name} ${count}`).join(", ");

const textOf = (error: unknown) =>
  error instanceof Error ? error.stack ?? error.message : String(error);

function printFind({ target, index, input, error }: Find, seed: string): void {
  printLine(`\nFOUND in ${target}, input ${index} of seed ${seed}:`);
  printLine(textOf(error));
  printLine(`tests/corpus/${target}/NAME.json:`);
  printLine(JSON.stringify({ why: "…", input }, null, 2));
}

/** Returns whether nothing was found. */
async function fuzz({ seconds, seed, targets }: Options): Promise<boolean> {
  printLine(`fuzzing ${targets.map(({ name }) => name).join(", ")} for ${seconds} s`);
  printLine(`seed ${seed}`);
  const { counts, finds } = await run(targets, {
    seconds,
    seed,
    onProgress: (counts) => printLine(`${new Date().toISOString()} ${countsText(counts)}`),
  });
  for (const find of finds) printFind(find, seed);
  printLine(`\ninputs: ${countsText(counts)}`);
  printLine(`${finds.length} found`);
  return finds.length === 0;
}

/** Returns whether every input of the corpus passes. */
async function replayAll({ targets }: Options): Promise<boolean> {
  let isMended = true;
  for await (const { file, why, error } of replay(targets)) {
    printLine(`${error === undefined ? "ok" : "FAILED"} ${file}: ${why}`);
    if (error === undefined) continue;
    printLine(textOf(error));
    isMended = false;
  }
  return isMended;
}

if (import.meta.main) {
  try {
    const options = readOptions(Deno.args);
    const isGood = await (options.isReplay ? replayAll(options) : fuzz(options));
    if (!isGood) Deno.exit(1);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    printError(`fuzz: ${error.message}`);
    Deno.exit(64);
  }
}
