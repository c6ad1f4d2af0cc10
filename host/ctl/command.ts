/**
 * The building blocks of the commands of kvmmanager-ctl.
 *
 * @module
 */

import {
  command,
  type InferValue,
  lineBreak,
  map,
  type Message,
  message,
  type Parser,
  string,
  text,
  type ValueParser,
} from "@optique/core";
import type { SearchPath } from "../channels.ts";
import type { FleetAccess } from "./fleet.ts";

/** What every command gets besides its specific options. */
export interface Invocation {
  /** `--socket` */
  readonly socket: string | undefined;
  /** `--domain` */
  readonly domain: string | undefined;
  /** `--channels`, or libvirt's directories. */
  readonly searchPaths: readonly SearchPath[];
  /** `--hostd`: the daemon's socket; `undefined` if the daemon is not to be asked. */
  readonly hostd: string | undefined;
  /** `--fleet`: the VMs of other hosts. */
  readonly fleet: FleetAccess | undefined;
  /** `--json` */
  readonly json: boolean;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** How the command describes itself to others while it holds a channel; see `ClientOptions`. */
  readonly lockAs: string;
}

/** Runs a command; resolves to the exit status. */
export type Run = (invocation: Omit<Invocation, "lockAs">) => Promise<number>;

/** How a command is described. */
export interface Description {
  readonly name: string;
  /** The command that it is a part of. */
  readonly group?: string;
  /** One sentence for the list of commands. */
  readonly brief: string;
  /** More sentences, for the command's help. */
  readonly details?: readonly string[];
  /** Command lines without the program's name. */
  readonly examples: readonly string[];
}

/** Defines a command from its description, the parser of its options, and its action. */
export function defineCommand<P extends Parser<"sync", unknown, unknown>>(
  { name, group, brief, details = [], examples }: Description,
  parser: P,
  run: (values: InferValue<P>, invocation: Invocation) => Promise<number>,
): Parser<"sync", Run, unknown> {
  const described = command(name, parser, {
    brief: message`${text(brief)}`,
    description: message`${text([brief, ...details].join(" "))}`,
    footer: lines(["Examples:", ...examples.map((line) => `  kvmmanager-ctl ${line}`)]),
  });
  return map(
    described,
    (values: InferValue<P>): Run => (invocation) =>
      run(values, {
        ...invocation,
        lockAs: `kvmmanager-ctl ${group === undefined ? "" : `${group} `}${name}`,
      }),
  );
}

/** Lines for a help text, not wrapped. */
export const lines = (all: readonly string[]): Message =>
  all.flatMap((line, index) => index === 0 ? [text(line)] : [lineBreak(), text(line)]);

/** Text that is not empty. @param candidates The values that a shell offers for completion. */
export function words(
  metavar:
    | "PATH"
    | "NAME"
    | "METHOD"
    | "CMD"
    | "FILE"
    | "DIRECTORY"
    | "KEY"
    | "ACTION"
    | "GROUP"
    | "FLEET",
  candidates: readonly string[] = [],
): ValueParser<"sync", string> {
  return {
    ...string({ metavar }),
    parse: (input) =>
      input === ""
        ? { success: false, error: message`needs a value` }
        : { success: true, value: input },
    *suggest(prefix) {
      for (const candidate of candidates) {
        if (candidate.startsWith(prefix)) yield { kind: "literal", text: candidate };
      }
    },
  };
}

interface NumberRule {
  readonly metavar: "SECONDS" | "N";
  /** For the error message, such as "a number of seconds". */
  readonly what: string;
  readonly regexp: RegExp;
  readonly least: number;
  readonly most: number;
}

function numbers({ metavar, what, regexp, least, most }: NumberRule): ValueParser<"sync", number> {
  return {
    mode: "sync",
    metavar,
    placeholder: least,
    format: String,
    parse: (input) => {
      const value = regexp.test(input) ? Number(input) : Number.NaN;
      if (value >= least && value <= most) return { success: true, value };
      const rule = `must be ${what} from ${least} to ${most}, received "${input}"`;
      return { success: false, error: message`${text(rule)}` };
    },
  };
}

/** A number of seconds, fractions allowed. */
export const seconds = (least: number, most: number): ValueParser<"sync", number> =>
  numbers({
    metavar: "SECONDS",
    what: "a number of seconds",
    regexp: /^\d{1,7}(\.\d+)?$/,
    least,
    most,
  });

/** A whole number. */
export const wholeNumber = (least: number, most: number): ValueParser<"sync", number> =>
  numbers({ metavar: "N", what: "a whole number", regexp: /^\d{1,9}$/, least, most });
