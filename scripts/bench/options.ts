/**
 * The command line of the bench.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";

/** What the command line asks for. */
export interface Options {
  /** How often everything is measured. @default {5} */
  readonly rounds: number;
  /** Only measures with this in their name. @default {""} */
  readonly only: string;
  /** JSON instead of Markdown. @default {false} */
  readonly json: boolean;
}

/** The command line was wrong; the message is one line for a person. */
export class OptionError extends Error {
  override readonly name = "OptionError";
}

const DEFAULT_ROUNDS = "5";

/**
 * Reads the command line.
 *
 * @throws {OptionError}
 */
export function readOptions(args: readonly string[]): Options {
  const parsed = parseArgs(args, {
    boolean: ["json"],
    string: ["rounds", "only"],
    unknown: (argument) => {
      throw new OptionError(`unknown argument "${argument}"; there are --rounds, --only, --json`);
    },
  });
  const rounds = Number(parsed.rounds ?? DEFAULT_ROUNDS);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new OptionError(`--rounds must be a whole number from 1 on, received "${parsed.rounds}"`);
  }
  return { rounds, only: parsed.only ?? "", json: parsed.json };
}
