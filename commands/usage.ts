/**
 * Parses the agent's command line; holds its help.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { refuseEmptyValues, refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { splitList } from "../lib/config/qemu_ga_conf.ts";
import { LOG_LEVELS, type LogLevel } from "../lib/config/schema.ts";
import {
  type BrokerChoice,
  type ChannelChoice,
  POWER_CHOICES,
  type PowerChoice,
} from "../lib/platform/platform.ts";
import type { CommandList, CommandLists } from "../lib/policy/qga_commands.ts";

/** What `--help` prints. */
export const HELP = `kvmmanager-agent - guest agent for KVM virtual machines

Usage:
  kvmmanager-agent [serve] [--channel CHANNEL] [--config FILE] [--log-level LEVEL]
  kvmmanager-agent check [--config FILE]
  kvmmanager-agent doctor [--json] [--config FILE]
  kvmmanager-agent command NAME [JSON] [--config FILE]
  kvmmanager-agent privileged [--config FILE]

Commands:
  serve    serve the host (default)
  check    print the effective configuration, the permissions it needs and whether
           this binary will be confined under it
  doctor   find out what is wrong with the installed agent, and what to do (as root)
  command  send a command such as agent.Ping to the running agent, with fields from
           a JSON object (- reads it from standard input), and print the answer
  privileged
           perform one operation that needs root: the agent's request is on standard
           input. Only in the packages, for the agent and the service manager
  service  on Windows: install, remove, start and stop the service; see service --help

Options:
  --channel CHANNEL    stdio        standard input and output: the port, opened by
                                    the service manager
                       listen:PATH  a unix socket, one host at a time
                       device:PATH  a port that the agent opens itself; needs all of
                                    Deno's permissions
                       By default an installed agent opens its virtio port through
                       the shell and restarts whenever it exits.
  --dialect NAME       jsonrpc (default), or qga: the language of QEMU's guest agent,
                       on the port org.qemu.guest_agent.0
  --block-rpcs LIST, -b LIST
                       with --dialect qga: commands to turn off, separated by commas
  --allow-rpcs LIST, -a LIST
                       with --dialect qga: turn off every other command
  --qemu-ga-conf FILE  with --dialect qga: qemu-ga's configuration, whose block-rpcs and
                       allow-rpcs apply as well (default: /etc/qemu/qemu-ga.conf if
                       it exists; on Windows none)
  --config FILE        configuration file (default: /etc/kvmmanager-agent/config.json
                       if it exists)
  --log-level LEVEL    ${LOG_LEVELS.join(", ")}; overrides the configuration
  --power HOW          systemd  shut down and reboot through the package's units
                       windows  shut down and reboot through shutdown.exe
                       none     refuse shutdown and reboot (default)
  --broker HOW         socket:PATH  have operations that need root performed by the broker
                                    behind this unix socket
                       child        start a broker for each, if the agent itself is root
                       none         refuse operations that need root (default)
  --separate-commands  run commands in the service's control group for commands
  --notify-socket PATH report to the service manager at this socket that the agent is
                       alive
  --json               print what doctor finds as JSON
  --runtime-directory PATH
                       where the service manager finds the agent's requests
                       (default: /run/kvmmanager-agent)
  --help               print this help
  --version            print the version

Signals:
  SIGTERM, SIGINT      finish requests in flight (5 s at most) and exit
  SIGHUP               reopen the log file and reload the configuration

Exit status: 0 stopped by a signal, 64 invalid command line, 69 cannot open the
channel, 70 bug in the agent, 74 standard output could not be written, 78 invalid
configuration, 141 standard output was closed. command exits with the Status of
the answer (125 at most), or 103 if the agent does not answer; doctor with 1 if
something is wrong.
`;

/** Options built into an installed agent, before those on its command line. */
export const BAKED_OPTIONS = ["granted", "self"] as const;

/** What `command` sends. */
export interface CommandWords {
  /** Such as `agent.Ping`. */
  readonly name: string;
  /** The fields' text, `-` for standard input; `undefined` if there are none. */
  readonly json: string | undefined;
}

/** A parsed command line. */
export interface Invocation {
  readonly command: "serve" | "check" | "doctor" | "command" | "help" | "version";
  readonly channel: ChannelChoice | undefined;
  /** The language that is spoken on the channel. */
  readonly dialect: DialectChoice;
  /** Which commands of the QEMU guest agent's language are off. */
  readonly qga: QgaChoice;
  readonly config: string | undefined;
  readonly logLevel: LogLevel | undefined;
  /** How to shut the guest down. */
  readonly power: PowerChoice;
  /** The service's runtime directory, for requests and sockets; `undefined` for the default. */
  readonly runtimeDirectory: string | undefined;
  /** How operations that need root are performed. */
  readonly broker: BrokerChoice;
  /** Whether commands run in a separate control group. */
  readonly separateCommands: boolean;
  /**
   * The service manager's notification socket (sd_notify(3)), for reporting that the agent is
   * alive.
   */
  readonly notifySocket: string | undefined;
  /** The permissions that the binary was compiled with, as JSON; set by the compile task. */
  readonly granted: string | undefined;
  /**
   * The program that starts this agent, if that is not the running executable: the launcher around
   * `deno run`.
   */
  readonly self: string | undefined;
  /** Whether `doctor` prints JSON. */
  readonly json: boolean;
  /** Only with `command`. */
  readonly sending?: CommandWords;
}

/** The languages of a channel. */
export const DIALECT_CHOICES = ["jsonrpc", "qga"] as const;

/** One of {@link DIALECT_CHOICES}. */
export type DialectChoice = (typeof DIALECT_CHOICES)[number];

/** What the command line says about the QEMU guest agent's commands. */
export interface QgaChoice {
  /** qemu-ga's configuration file, which may be missing; `undefined` for the platform's own. */
  readonly conf: string | undefined;
  readonly lists: CommandLists;
}

/** The port on which hosts speak the QEMU guest agent's language. */
export const QGA_CHANNEL_NAME = "org.qemu.guest_agent.0";

const COMMANDS = ["serve", "check", "doctor", "command"] as const;

/** Options with a value. */
const VALUED = [
  "channel",
  "config",
  "log-level",
  "power",
  "broker",
  "dialect",
  "block-rpcs",
  "allow-rpcs",
  "qemu-ga-conf",
  "notify-socket",
  "runtime-directory",
] as const;

/**
 * Reads the command line.
 *
 * @throws {UsageError}
 */
export function readInvocation(args: readonly string[]): Invocation {
  const parsed = parseArgs(args, {
    boolean: ["help", "version", "json", "separate-commands"],
    string: [...VALUED, ...BAKED_OPTIONS, "_"],
    collect: [...VALUED, ...BAKED_OPTIONS],
    alias: { h: "help", b: "block-rpcs", a: "allow-rpcs" },
    unknown: refuseUnknown,
  });
  refuseEmptyValues(parsed, VALUED);
  const [word = "serve", ...words] = parsed._.map(String);
  const command = COMMANDS.find((known) => known === word);
  const [surplus] = command === "command" ? words.slice(2) : words;
  if (surplus !== undefined) throw new UsageError(`unexpected argument "${surplus}"; see --help`);
  if (command === undefined) throw new UsageError(`unknown command "${word}"; see --help`);
  const chosen = parsed.help ? "help" : parsed.version ? "version" : command;
  return {
    command: chosen,
    ...(chosen === "command" ? { sending: readCommandWords(words) } : {}),
    channel: readChannel(single(parsed.channel, "channel")),
    ...readQga(parsed),
    config: single(parsed.config, "config"),
    logLevel: readLogLevel(single(parsed["log-level"], "log-level")),
    power: readPower(single(parsed.power, "power")),
    runtimeDirectory: readDirectory(single(parsed["runtime-directory"], "runtime-directory")),
    broker: readBroker(single(parsed.broker, "broker")),
    separateCommands: parsed["separate-commands"],
    notifySocket: single(parsed["notify-socket"], "notify-socket"),
    json: parsed.json,
    granted: single(parsed.granted, "granted"),
    self: single(parsed.self, "self"),
  };
}

function readCommandWords([name, json]: readonly string[]): CommandWords {
  if (name === undefined) {
    throw new UsageError("command needs a NAME such as agent.Ping; see --help");
  }
  return { name, json };
}

function readChannel(value: string | undefined): ChannelChoice | undefined {
  if (value === undefined) return undefined;
  if (value === "stdio") return { kind: "stdio" };
  for (const kind of ["listen", "device"] as const) {
    const path = value.slice(kind.length + 1);
    if (!value.startsWith(`${kind}:`) || path === "") continue;
    if (kind === "listen") refuseComma("--channel", path);
    return { kind, path };
  }
  throw new UsageError(
    `--channel must be stdio, listen:PATH or device:PATH, received "${value}"`,
  );
}

/** Deno reads no comma in the path of a socket in `--allow-net`. */
function refuseComma(option: string, path: string): void {
  if (path.includes(",")) {
    throw new UsageError(`${option}: a socket's path must not contain a comma, received "${path}"`);
  }
}

function readPower(value = "none"): PowerChoice {
  const choice = POWER_CHOICES.find((known) => known === value);
  if (choice !== undefined) return choice;
  throw new UsageError(`--power must be ${POWER_CHOICES.join(" or ")}, received "${value}"`);
}

/** Deno reads no comma in the paths of its permissions. */
function readDirectory(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (!value.startsWith("/")) {
    throw new UsageError(`--runtime-directory must be an absolute path, received "${value}"`);
  }
  if (value.includes(",")) {
    throw new UsageError(`--runtime-directory must not contain a comma, received "${value}"`);
  }
  return value;
}

function readBroker(value = "none"): BrokerChoice {
  if (value === "none" || value === "child") return { kind: value };
  const path = value.slice("socket:".length);
  if (value.startsWith("socket:/")) {
    refuseComma("--broker", path);
    return { kind: "socket", path };
  }
  throw new UsageError(
    `--broker must be none, child or socket:PATH with an absolute path, received "${value}"`,
  );
}

/**
 * Reads the value of `--dialect`.
 *
 * @throws {UsageError}
 */
export function readDialect(value = "jsonrpc"): DialectChoice {
  const choice = DIALECT_CHOICES.find((known) => known === value);
  if (choice !== undefined) return choice;
  throw new UsageError(`--dialect must be ${DIALECT_CHOICES.join(" or ")}, received "${value}"`);
}

/** What only the options of the QEMU guest agent's language say. */
interface QgaOptions {
  readonly dialect: readonly string[];
  readonly "block-rpcs": readonly string[];
  readonly "allow-rpcs": readonly string[];
  readonly "qemu-ga-conf": readonly string[];
}

function readQga(options: QgaOptions): Pick<Invocation, "dialect" | "qga"> {
  const dialect = readDialect(single(options.dialect, "dialect"));
  const lists = (name: "block-rpcs" | "allow-rpcs"): readonly CommandList[] =>
    options[name].map((list) => {
      if (list === "") throw new UsageError(`--${name} needs a value`);
      return { commands: splitList(list), source: `--${name}` };
    });
  const given = (["block-rpcs", "allow-rpcs", "qemu-ga-conf"] as const)
    .find((name) => options[name].length > 0);
  if (dialect !== "qga" && given !== undefined) {
    throw new UsageError(`--${given} needs --dialect qga`);
  }
  return {
    dialect,
    qga: {
      conf: single(options["qemu-ga-conf"], "qemu-ga-conf"),
      lists: { blocked: lists("block-rpcs"), allowed: lists("allow-rpcs") },
    },
  };
}

function readLogLevel(value: string | undefined): LogLevel | undefined {
  if (value === undefined) return undefined;
  const level = LOG_LEVELS.find((known) => known === value);
  if (level !== undefined) return level;
  throw new UsageError(`--log-level must be one of ${LOG_LEVELS.join(", ")}, received "${value}"`);
}
