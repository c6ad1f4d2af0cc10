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

Commands:
  serve    answer the host (the default)
  check    print the effective configuration, the permissions it needs and
           whether this binary will be confined; exit status 78 when it is wrong

Options:
  --channel CHANNEL   stdio         standard input and output (a virtio port handed over)
                      listen:PATH   a unix socket; one host at a time
                      device:PATH   a port that the agent opens by itself; needs
                                    all of Deno's permissions
                      without one the installed agent opens its virtio port
                      through the shell, and comes back whenever it ends
  --config FILE       the configuration; /etc/kvmmanager-agent/config.json if it exists
  --log-level LEVEL   ${LOG_LEVELS.join(", ")}; instead of the configuration's
  --help              this text
  --version           the version

Signals: SIGTERM, SIGINT  finish what is under way (5 s at most) and end
         SIGHUP           open the log file anew

Exit status: 0 ended as asked, 64 wrong use, 69 the channel cannot be opened,
             70 a fault of the agent, 78 the configuration is wrong
`;

/** Where the agent meets the host. */
export type ChannelChoice =
  | { readonly kind: "stdio" }
  | { readonly kind: "listen" | "device"; readonly path: string };

/** The options that stand in an installed agent itself, before those of whoever starts it. */
export const BAKED_OPTIONS = ["granted", "self"] as const;

/** A command line that has been understood. */
export interface Invocation {
  readonly command: "serve" | "check" | "help" | "version";
  readonly channel: ChannelChoice | undefined;
  readonly config: string | undefined;
  readonly logLevel: LogLevel | undefined;
  /** The permissions the binary was compiled with, as JSON; given by the compile task. */
  readonly granted: string | undefined;
  /**
   * The path that starts this agent, where that is not the running executable: a launcher around
   * `deno run` gives its own.
   */
  readonly self: string | undefined;
}

const COMMANDS = ["serve", "check"] as const;

/**
 * Reads the command line.
 *
 * @throws {UsageError}
 */
export function readInvocation(args: readonly string[]): Invocation {
  const parsed = parseArgs(args, {
    boolean: ["help", "version"],
    string: ["channel", "config", "log-level", ...BAKED_OPTIONS],
    collect: ["channel", "config", "log-level", ...BAKED_OPTIONS],
    alias: { h: "help" },
    unknown: refuseUnknown,
  });
  const [word = "serve", ...more] = parsed._.map(String);
  if (more.length > 0) throw new UsageError(`unexpected argument "${more[0]}"; see --help`);
  const command = COMMANDS.find((known) => known === word);
  if (command === undefined) throw new UsageError(`unknown command "${word}"; see --help`);
  return {
    command: parsed.help ? "help" : parsed.version ? "version" : command,
    channel: readChannel(single(parsed.channel, "channel")),
    config: single(parsed.config, "config"),
    logLevel: readLogLevel(single(parsed["log-level"], "log-level")),
    granted: single(parsed.granted, "granted"),
    self: single(parsed.self, "self"),
  };
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

function readLogLevel(value: string | undefined): LogLevel | undefined {
  if (value === undefined) return undefined;
  const level = LOG_LEVELS.find((known) => known === value);
  if (level !== undefined) return level;
  throw new UsageError(`--log-level must be one of ${LOG_LEVELS.join(", ")}, received "${value}"`);
}
