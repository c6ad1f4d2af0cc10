/**
 * The agent's command line: its words, its help, its exit statuses.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { LOG_LEVELS, type LogLevel } from "../lib/config/schema.ts";

/** Exit statuses (sysexits(3), where it has one). */
export const EXIT = { ok: 0, software: 70, unavailable: 69, usage: 64, config: 78 } as const;

/** What `--help` prints. */
export const HELP = `kvmmanager-agent - the guest agent of KVM Manager

Usage:
  kvmmanager-agent [serve] [--channel CHANNEL] [--config FILE] [--log-level LEVEL]
  kvmmanager-agent check [--config FILE]
  kvmmanager-agent command NAME [JSON] [--config FILE]

Commands:
  serve    answer the host (the default)
  check    print the effective configuration, the permissions it needs and
           whether this binary will be confined; exit status 78 when it is wrong
  command  send the agent of this guest a command, as agent.Ping, with the fields
           of a JSON object (- reads it from standard input); print the answer,
           exit with its Status (125 at most; 103: nobody answers)

Options:
  --channel CHANNEL   stdio         standard input and output (a virtio port handed over)
                      listen:PATH   a unix socket; one host at a time
                      device:PATH   a port that the agent opens by itself; needs
                                    all of Deno's permissions
                      without one the installed agent opens its virtio port
                      through the shell, and comes back whenever it ends
  --dialect NAME      jsonrpc (the default), or qga: the language of QEMU's guest
                      agent, on the port org.qemu.guest_agent.0
  --config FILE       the configuration; /etc/kvmmanager-agent/config.json if it exists
  --log-level LEVEL   ${LOG_LEVELS.join(", ")}; instead of the configuration's
  --power HOW         systemd: through the units that the package brings;
                      none (the default): shutdown and reboot are refused
  --separate-commands start commands in the control group that the service has for
                      them; for the service alone
  --notify-socket P   tell the service manager at this socket that the agent is alive;
                      for the service
  --help              this text
  --version           the version

Signals: SIGTERM, SIGINT  finish what is under way (5 s at most) and end
         SIGHUP           open the log file anew, and read the configuration again

Exit status: 0 ended as asked, 64 wrong use, 69 the channel cannot be opened,
             70 a fault of the agent, 78 the configuration is wrong
`;

/** Where the agent meets the host. */
export type ChannelChoice =
  | { readonly kind: "stdio" }
  | { readonly kind: "listen" | "device"; readonly path: string };

/** The options that stand in an installed agent itself, before those of whoever starts it. */
export const BAKED_OPTIONS = ["granted", "self"] as const;

/** What `command` sends. */
export interface CommandWords {
  /** As `agent.Ping`. */
  readonly name: string;
  /** The fields' text, `-` for standard input; `undefined` where there are none. */
  readonly json: string | undefined;
}

/** A command line that has been understood. */
export interface Invocation {
  readonly command: "serve" | "check" | "command" | "help" | "version";
  readonly channel: ChannelChoice | undefined;
  /** The language that is spoken on the channel. */
  readonly dialect: DialectChoice;
  readonly config: string | undefined;
  readonly logLevel: LogLevel | undefined;
  /** How the guest is turned off. */
  readonly power: PowerChoice;
  /** Whether commands run in a control group beside the agent's. */
  readonly separateCommands: boolean;
  /** The service manager's notification socket (sd_notify(3)), which is told that the agent is alive. */
  readonly notifySocket: string | undefined;
  /** The permissions the binary was compiled with, as JSON; given by the compile task. */
  readonly granted: string | undefined;
  /**
   * The path that starts this agent, where that is not the running executable: a launcher around
   * `deno run` gives its own.
   */
  readonly self: string | undefined;
  /** With `command` alone. */
  readonly sending?: CommandWords;
}

/** The ways to control the guest's power. */
export const POWER_CHOICES = ["none", "systemd"] as const;

/** One of {@link POWER_CHOICES}. */
export type PowerChoice = (typeof POWER_CHOICES)[number];

/** The languages of a channel. */
export const DIALECT_CHOICES = ["jsonrpc", "qga"] as const;

/** One of {@link DIALECT_CHOICES}. */
export type DialectChoice = (typeof DIALECT_CHOICES)[number];

/** The port on which hosts speak the QEMU guest agent's language. */
export const QGA_CHANNEL_NAME = "org.qemu.guest_agent.0";

const COMMANDS = ["serve", "check", "command"] as const;

/** Options with a value. */
const VALUED = ["channel", "config", "log-level", "power", "dialect", "notify-socket"] as const;

/**
 * Reads the command line.
 *
 * @throws {UsageError}
 */
export function readInvocation(args: readonly string[]): Invocation {
  const parsed = parseArgs(args, {
    boolean: ["help", "version", "separate-commands"],
    string: [...VALUED, ...BAKED_OPTIONS, "_"],
    collect: [...VALUED, ...BAKED_OPTIONS],
    alias: { h: "help" },
    unknown: refuseUnknown,
  });
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
    dialect: readDialect(single(parsed.dialect, "dialect")),
    config: single(parsed.config, "config"),
    logLevel: readLogLevel(single(parsed["log-level"], "log-level")),
    power: readPower(single(parsed.power, "power")),
    separateCommands: parsed["separate-commands"],
    notifySocket: single(parsed["notify-socket"], "notify-socket"),
    granted: single(parsed.granted, "granted"),
    self: single(parsed.self, "self"),
  };
}

function readCommandWords([name, json]: readonly string[]): CommandWords {
  if (name === undefined) throw new UsageError("command needs a NAME, as agent.Ping; see --help");
  return { name, json };
}

function readChannel(value: string | undefined): ChannelChoice | undefined {
  if (value === undefined) return undefined;
  if (value === "stdio") return { kind: "stdio" };
  for (const kind of ["listen", "device"] as const) {
    const path = value.slice(kind.length + 1);
    if (value.startsWith(`${kind}:`) && path !== "") return { kind, path };
  }
  throw new UsageError(
    `--channel must be stdio, listen:PATH or device:PATH, received "${value}"`,
  );
}

function readPower(value = "none"): PowerChoice {
  const choice = POWER_CHOICES.find((known) => known === value);
  if (choice !== undefined) return choice;
  throw new UsageError(`--power must be ${POWER_CHOICES.join(" or ")}, received "${value}"`);
}

function readDialect(value = "jsonrpc"): DialectChoice {
  const choice = DIALECT_CHOICES.find((known) => known === value);
  if (choice !== undefined) return choice;
  throw new UsageError(`--dialect must be ${DIALECT_CHOICES.join(" or ")}, received "${value}"`);
}

function readLogLevel(value: string | undefined): LogLevel | undefined {
  if (value === undefined) return undefined;
  const level = LOG_LEVELS.find((known) => known === value);
  if (level !== undefined) return level;
  throw new UsageError(`--log-level must be one of ${LOG_LEVELS.join(", ")}, received "${value}"`);
}
