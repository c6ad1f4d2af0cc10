/**
 * The command line of the bench.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { type Compiler, COMPILERS } from "./compilers.ts";

/** What is printed: all rows as Markdown, the rows of the README, or everything as JSON. */
export type Format = "markdown" | "short" | "json";

/** The parsed command line. */
export interface Options {
  /** How often everything is measured. @default {5} */
  readonly rounds: number;
  /** Only measures with this in their name. @default {""} */
  readonly only: string;
  /** @default {"markdown"} */
  readonly format: Format;
  /** The agent is measured once for each of these. @default {["none"]} */
  readonly compilers: readonly Compiler[];
}

/** The command line is invalid; the message is one line for a person. */
export class OptionError extends Error {
  override readonly name = "OptionError";
}

const USAGE = "options: --rounds N, --only NAME, --markdown, --short, --json, " +
  `--compiler ${COMPILERS.join("|")}|both`;
const DEFAULT_ROUNDS = "5";

/**
 * Reads the command line.
 *
 * @throws {OptionError}
 */
export function readOptions(args: readonly string[]): Options {
  const parsed = parseArgs(args, {
    boolean: ["markdown", "short", "json"],
    string: ["rounds", "only", "compiler"],
    unknown: (argument) => {
      throw new OptionError(`unknown argument "${argument}"; ${USAGE}`);
    },
  });
  const rounds = Number(parsed.rounds ?? DEFAULT_ROUNDS);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new OptionError(`--rounds must be a whole number from 1, received "${parsed.rounds}"`);
  }
  const formats = (["markdown", "short", "json"] as const).filter((format) => parsed[format]);
  if (formats.length > 1) throw new OptionError(`choose one of --${formats.join(" and --")}`);
  return {
    rounds,
    only: parsed.only ?? "",
    format: formats[0] ?? "markdown",
    compilers: compilersOf(parsed.compiler ?? "none"),
  };
}

function compilersOf(text: string): readonly Compiler[] {
  if (text === "both") return COMPILERS;
  const compiler = COMPILERS.find((known) => known === text);
  if (compiler !== undefined) return [compiler];
  throw new OptionError(
    `--compiler must be ${COMPILERS.join(", ")} or both, received "${text}"`,
  );
}
