/**
 * The command line of kvmmanager-ctl.
 *
 * @module
 */

import {
  formatMessage,
  merge,
  message,
  multiple,
  object,
  option,
  optional,
  or,
  runParser,
} from "@optique/core";
import { UsageError } from "../../lib/base/command_line.ts";
import { printLine } from "../../lib/base/terminal.ts";
import { VERSION } from "../../lib/base/version.ts";
import { findChannels, LIBVIRT_DIRECTORIES, problemOfSearchPath } from "../channels.ts";
import { HOSTD_SOCKET } from "../hostd_socket.ts";
import { normalizeArguments } from "./arguments.ts";
import { type Invocation, lines, type Run, words } from "./command.ts";
import { fleetOf } from "./fleet.ts";
import { agent } from "./commands/agent.ts";
import { call } from "./commands/call.ts";
import { cloudInit } from "./commands/cloud_init.ts";
import { doctor } from "./commands/doctor.ts";
import { events } from "./commands/events.ts";
import { exec } from "./commands/exec.ts";
import { freeze } from "./commands/freeze.ts";
import { explain } from "./commands/explain.ts";
import { info } from "./commands/info.ts";
import { job } from "./commands/job.ts";
import { list } from "./commands/list.ts";
import { logs } from "./commands/logs.ts";
import { ls } from "./commands/ls.ts";
import { methods } from "./commands/methods.ts";
import { kill } from "./commands/kill.ts";
import { metrics } from "./commands/metrics.ts";
import { mkdir } from "./commands/mkdir.ts";
import { mv } from "./commands/mv.ts";
import { ping } from "./commands/ping.ts";
import { ps } from "./commands/ps.ts";
import { pull } from "./commands/pull.ts";
import { push } from "./commands/push.ts";
import { reboot } from "./commands/reboot.ts";
import { rm } from "./commands/rm.ts";
import { service } from "./commands/service.ts";
import { packages } from "./commands/package.ts";
import { user } from "./commands/user.ts";
import { shell } from "./commands/shell.ts";
import { shutdown } from "./commands/shutdown.ts";
import { sshKey } from "./commands/ssh_key.ts";
import { thaw } from "./commands/thaw.ts";
import { time } from "./commands/time.ts";
import { top } from "./commands/top.ts";
import { trim } from "./commands/trim.ts";

const PROGRAM = "kvmmanager-ctl";
const HELP_COLUMNS = 100;
const FOOTER = [
  "Exit status: 0 success; 1 the agent refused, or it failed in the guest; 2 no agent, no answer,",
  "or another program uses the channel; 64 invalid command line; 74 cannot access a local file;",
  "130 interrupted; 141 the output was closed. exec ends with the program's own status; see",
  "exec --help.",
  "",
  "Examples:",
  `  ${PROGRAM} list`,
  `  ${PROGRAM} exec --domain vm1 uptime`,
  `  ${PROGRAM} call ping --socket /run/vm1.sock`,
  `  source <(${PROGRAM} completion bash)`,
];

/** A command and everything it needs besides the signal. */
export interface CommandLine {
  readonly run: Run;
  readonly invocation: Omit<Invocation, "signal" | "lockAs">;
}

/**
 * Parses the command line; help, version and completion are printed here.
 *
 * @returns The command to run, or `undefined` if everything has been printed.
 * @throws {UsageError} with one line for a person.
 */
export async function readCommandLine(args: readonly string[]): Promise<CommandLine | undefined> {
  if (args.length === 0) throw new UsageError(`a command is missing; see ${PROGRAM} --help`);
  const names = args[0] === "completion" ? await knownNames() : [];
  const shown: undefined[] = [];
  const onShow = () => void shown.push(undefined);
  const parsed = runParser(commandLineParser(names), PROGRAM, normalizeArguments(args), {
    help: { option: true, onShow },
    version: { option: true, value: `${PROGRAM} ${VERSION}`, onShow },
    completion: { command: true, onShow },
    brief: message`Manages the guests of this host through kvmmanager-agent.`,
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
      throw new UsageError(`${polished(oneLine(sentence), args)}; see ${PROGRAM} --help`);
    },
  });
  if (parsed === undefined) return undefined;
  const { run, socket, domain, channels, json } = parsed;
  const hostd = hostdOf(parsed.hostd, channels);
  const searchPaths = channels.length > 0 ? channels : LIBVIRT_DIRECTORIES;
  const problem = searchPaths.map(problemOfSearchPath).find((text) => text !== undefined);
  if (problem !== undefined) throw new UsageError(`--channels ${problem}`);
  const fleet = await fleetOf(parsed);
  if (fleet !== undefined && (socket !== undefined || channels.length > 0)) {
    throw new UsageError("--socket and --channels name VMs of this host; leave out --fleet");
  }
  return { run, invocation: { socket, domain, searchPaths, hostd, fleet, json } };
}

const NO_HOSTD = "none";

/** The daemon's socket: the one that is named, or the usual one unless `--channels` says where VMs are. */
function hostdOf(named: string | undefined, channels: readonly string[]): string | undefined {
  if (named === undefined) return channels.length > 0 ? undefined : HOSTD_SOCKET;
  return named === NO_HOSTD ? undefined : named;
}

/** The parser of the whole command line. @param names The VMs that a shell offers for completion. */
export function commandLineParser(names: readonly string[]) {
  const target = object("Which VM", {
    domain: optional(option("--domain", words("NAME", names), {
      description: lines(["the VM's name"]),
    })),
    socket: optional(option("--socket", words("PATH"), {
      description: lines(["the unix socket of its channel"]),
    })),
    channels: multiple(option("--channels", words("PATH"), {
      description: lines([
        "where to search for VMs instead of libvirt's directories: a directory,",
        "or a pattern with one * for the name, '/run/vms/*.sock'; repeatable",
      ]),
    })),
  });
  const daemon = object("Through", {
    hostd: optional(option("--hostd", words("PATH"), {
      description: lines([
        `the socket of kvmmanager-hostd instead of ${HOSTD_SOCKET},`,
        "or none to use the channels themselves",
      ]),
    })),
  });
  const fleet = object("On other hosts", {
    fleet: optional(option("--fleet", words("FLEET"), {
      description: lines([
        "the hosts of a NATS system: nats://HOST:PORT, or a name that",
        "~/.config/kvmmanager/fleets.json or /etc/kvmmanager/fleets.json has",
      ]),
    })),
    creds: optional(option("--creds", words("FILE"), {
      description: lines(["the NATS user's key, with or without a JWT"]),
    })),
    tenant: optional(option("--tenant", words("NAME"), {
      description: lines(["only the VMs of a tenant"]),
    })),
  });
  const output = object("Output", {
    json: option("--json", { description: lines(["machine-readable output"]) }),
  });
  const seeing = or(list, info, ping, methods, events, top);
  const doing = or(call, exec, shell, job, push, pull, shutdown, reboot);
  const disks = or(freeze, thaw, trim);
  const files = or(ls, rm, mv, mkdir);
  const inside = or(logs, metrics, ps, kill, explain, time);
  const system = or(service, user, sshKey, packages, agent, cloudInit, doctor);
  return merge(
    object({ run: or(seeing, doing, files, disks, inside, system) }),
    target,
    daemon,
    fleet,
    output,
  );
}

/** The names of the VMs, for completion in a shell. */
async function knownNames(): Promise<string[]> {
  const { channels } = await findChannels(LIBVIRT_DIRECTORIES);
  return channels.map(({ name }) => name);
}

const oneLine = (text: string) => text.trim().replace(/\.?\s*\n+\s*/g, "; ").replace(/\.$/, "");

/** The parser's sentence, cleaned up: it may suggest exactly what was typed. */
function polished(sentence: string, args: readonly string[]): string {
  return sentence
    .replace(
      /; Did you mean `([^`]*)`\?$/,
      (suggestion, word) => args.includes(word) ? "" : suggestion,
    )
    .replace(/^Expected an? `([^`]*)`, but too few arguments$/, "$1 is missing");
}
