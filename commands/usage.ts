/**
 * The agent's command line: its words, its help, its exit statuses.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { refuseUnknown, single, UsageError } from "../lib/command_line.ts";
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
  --config FILE       the configuration; /etc/kvmmanager-agent/config.json if it exists
  --log-level LEVEL   ${LOG_LEVELS.join(", ")}; instead of the configuration's
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
  | { readonly kind: "listen"; readonly path: string };

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
  readonly config: string | undefined;
  readonly logLevel: LogLevel | undefined;
  /** The permissions the binary was compiled with, as JSON; given by the compile task. */
  readonly granted: string | undefined;
  /** With `command` alone. */
  readonly sending?: CommandWords;
}

const COMMANDS = ["serve", "check", "command"] as const;

/**
 * Reads the command line.
 *
 * @throws {UsageError}
 */
export function readInvocation(args: readonly string[]): Invocation {
  const parsed = parseArgs(args, {
    boolean: ["help", "version"],
    string: ["channel", "config", "log-level", "granted", "_"],
    collect: ["channel", "config", "log-level", "granted"],
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
    config: single(parsed.config, "config"),
    logLevel: readLogLevel(single(parsed["log-level"], "log-level")),
    granted: single(parsed.granted, "granted"),
  };
}

function readCommandWords([name, json]: readonly string[]): CommandWords {
  if (name === undefined) throw new UsageError("command needs a NAME, as agent.Ping; see --help");
  return { name, json };
}

function readChannel(value: string | undefined): ChannelChoice | undefined {
  if (value === undefined) return undefined;
  if (value === "stdio") return { kind: "stdio" };
  const path = /^listen:(.+)$/s.exec(value)?.[1];
  if (path !== undefined) return { kind: "listen", path };
  throw new UsageError(`--channel must be stdio or listen:PATH, received "${value}"`);
}

function readLogLevel(value: string | undefined): LogLevel | undefined {
  if (value === undefined) return undefined;
  const level = LOG_LEVELS.find((known) => known === value);
  if (level !== undefined) return level;
  throw new UsageError(`--log-level must be one of ${LOG_LEVELS.join(", ")}, received "${value}"`);
}
