/**
 * The command line of kvmmanager-ctl.
 *
 * @module
 */

import {
  formatMessage,
  lineBreak,
  merge,
  message,
  multiple,
  object,
  option,
  optional,
  or,
  runParser,
  text,
} from "@optique/core";
import { UsageError } from "../../lib/base/command_line.ts";
import { printLine } from "../../lib/base/terminal.ts";
import { VERSION } from "../../lib/base/version.ts";
import { findChannels, LIBVIRT_DIRECTORIES } from "../channels.ts";
import { type Invocation, lines, type Run, words } from "./command.ts";
import { call } from "./commands/call.ts";
import { events } from "./commands/events.ts";
import { exec } from "./commands/exec.ts";
import { info } from "./commands/info.ts";
import { list } from "./commands/list.ts";
import { methods } from "./commands/methods.ts";
import { ping } from "./commands/ping.ts";
import { pull } from "./commands/pull.ts";
import { push } from "./commands/push.ts";
import { reboot } from "./commands/reboot.ts";
import { shutdown } from "./commands/shutdown.ts";
import { top } from "./commands/top.ts";

const PROGRAM = "kvmmanager-ctl";
const HELP_COLUMNS = 100;
/** Options that take the next word, before the name of a command or after it. */
const OPTIONS_WITH_VALUE = [
  "--socket",
  "--domain",
  "--channels",
  "--timeout",
  "--cwd",
  "--env",
  "-e",
];

const FOOTER = [
  "Exit status: 0 done, 1 the agent refused or it failed in the guest, 2 no agent or no answer,",
  "64 wrong use, 74 a file of the host, 130 interrupted; exec ends as the program does.",
  "",
  "Examples:",
  `  ${PROGRAM} list`,
  `  ${PROGRAM} exec --domain vm1 uptime`,
  `  ${PROGRAM} call ping --socket /run/vm1.sock`,
  `  source <(${PROGRAM} completion bash)`,
];

/** What was asked for: a command, and all it needs beside the signal. */
export interface CommandLine {
  readonly run: Run;
  readonly invocation: Omit<Invocation, "signal">;
}

/**
 * Reads the command line; help, version and completion are printed here.
 *
 * @returns What is to be run, or `undefined` when all has been printed.
 * @throws {UsageError} with one line for a person.
 */
export async function readCommandLine(args: readonly string[]): Promise<CommandLine | undefined> {
  if (args.length === 0) throw new UsageError(`a command is missing; see ${PROGRAM} --help`);
  const names = args[0] === "completion" ? await knownNames() : [];
  const shown: undefined[] = [];
  const onShow = () => void shown.push(undefined);
  const parsed = runParser(parser(names), PROGRAM, separate(args), {
    help: { option: true, onShow },
    version: { option: true, value: `${PROGRAM} ${VERSION}`, onShow },
    completion: { command: true, onShow },
    brief: message`Talks to the kvmmanager-agent of guests from their host.`,
    footer: lines(FOOTER),
    aboveError: "none",
    commandList: "top-level",
    usageLine: [
      { type: "argument", metavar: "COMMAND" },
      { type: "optional", terms: [{ type: "argument", metavar: "OPTIONS" }] },
    ],
    maxWidth: HELP_COLUMNS,
    colors: false,
    stdout: printLine,
    stderr: () => {},
    onError: (_status, error) => {
      const sentence = formatMessage(error, { colors: false, quotes: true });
      throw new UsageError(`${oneLine(sentence)}; see ${PROGRAM} --help`);
    },
  });
  if (parsed === undefined) return undefined;
  const { run, socket, domain, channels, json } = parsed;
  const searchPaths = channels.length > 0 ? channels : LIBVIRT_DIRECTORIES;
  return { run, invocation: { socket, domain, searchPaths, json } };
}

function parser(names: readonly string[]) {
  const target = object("Which VM", {
    domain: optional(option("--domain", words("NAME", names), {
      description: lines(["the VM's name"]),
    })),
    socket: optional(option("--socket", words("PATH"), {
      description: lines(["its channel's unix socket"]),
    })),
    channels: multiple(option("--channels", words("PATH"), {
      description: message`${
        text("where VMs are looked for instead of libvirt's directories: a directory,")
      }${lineBreak()}${text("or a pattern as '/run/vms/*.sock'; may be repeated")}`,
    })),
  });
  const output = object("Output", {
    json: option("--json", { description: lines(["machine-readable output"]) }),
  });
  const seeing = or(list, info, ping, methods, events, top);
  const doing = or(call, exec, push, pull, shutdown, reboot);
  return merge(object({ run: or(seeing, doing) }), target, output);
}

/** What follows the program of `exec` is the program's, options too. */
function separate(args: readonly string[]): readonly string[] {
  const wordAt = (from: number) => {
    let at = from;
    while (args[at]?.startsWith("-") && args[at] !== "--") {
      at += OPTIONS_WITH_VALUE.includes(args[at] ?? "") ? 2 : 1;
    }
    return at;
  };
  const commandAt = wordAt(0);
  if (args[commandAt] !== "exec") return args;
  const programAt = wordAt(commandAt + 1);
  if (programAt >= args.length || args[programAt] === "--") return args;
  return [...args.slice(0, programAt), "--", ...args.slice(programAt)];
}

/** The names of the VMs that a shell can offer. */
async function knownNames(): Promise<string[]> {
  const { channels } = await findChannels(LIBVIRT_DIRECTORIES);
  return channels.map(({ name }) => name);
}

const oneLine = (text: string) => text.trim().replace(/\.?\s*\n+\s*/g, "; ").replace(/\.$/, "");
