/**
 * The agent started by hand or by an init script, with no `--channel`: it opens the configured
 * virtio port, runs itself on it, and does so again whenever that ends. Where there is systemd, its
 * unit does all of this instead.
 *
 * Deno lets no confined program open a device, so the shell does, and becomes the agent: the
 * process that is waited for here and gets the signals is the agent itself.
 *
 * @module
 */

import { Aborted, withTimer } from "../lib/base/waiting.ts";
import { UsageError } from "../lib/base/command_line.ts";
import { loadConfig } from "../lib/config/load.ts";
import { DEFAULT_CHANNEL_NAME } from "../lib/config/schema.ts";
import { type Log, Logger } from "../lib/log/logger.ts";
import { confineSupervisor } from "../lib/platform/linux/confinement.ts";
import { parsePermissions } from "../lib/platform/linux/grants.ts";
import { SHELL } from "../lib/platform/linux/programs.ts";
import {
  BAKED_OPTIONS,
  type DialectChoice,
  EXIT,
  type Invocation,
  QGA_CHANNEL_NAME,
} from "./usage.ts";

const PORT_DIRECTORY = "/dev/virtio-ports";

/**
 * Exit statuses of the shell, before it has become the agent; the agent has none of these. A
 * redirection would create a plain file where there is no port, and the agent then read its end for
 * ever.
 */
const NO_PORT = 120;
const PORT_REFUSED = 121;

const OPEN_PORT_AND_BECOME_AGENT = `
port=$1
shift
[ -c "$port" ] || exit ${NO_PORT}
command exec 0<>"$port" 1>&0 || exit ${PORT_REFUSED}
exec "$@"
`;

/** What would be the same however often it is started. */
const FINAL_STATUSES: readonly number[] = [EXIT.usage, EXIT.config];

const LOG_FLUSH_MS = 1000;

/** What {@link keepRunning} runs. */
export interface Supervised {
  /** The character device. */
  readonly port: string;
  /** The agent's command line, to be run on the port. */
  readonly command: readonly string[];
  /** Milliseconds from an end, or a try in vain, to the next start. */
  readonly retryMs: number;
  readonly log: Log;
}

/**
 * Opens the port and runs this agent on it until SIGTERM or SIGINT, or until the agent says that it
 * was started in a wrong way.
 *
 * @param args The command line that came to this invocation.
 * @returns The exit status: the agent's own, 0 where it ended as asked.
 * @throws {UsageError} where the agent does not know how to start itself.
 * @throws {ConfigError} when the configuration is wrong.
 */
export async function supervise(invocation: Invocation, args: readonly string[]): Promise<number> {
  const self = invocation.self ?? (Deno.build.standalone ? Deno.execPath() : undefined);
  if (self === undefined) {
    throw new UsageError(
      "--channel is needed: stdio, listen:PATH or device:PATH; only an installed agent can open " +
        "its port through the shell",
    );
  }
  const { config } = await loadConfig(invocation.config);
  const log = await Logger.open(config.log_file, invocation.logLevel ?? config.log_level);
  const { granted } = invocation;
  confineSupervisor(config.log_file, granted === undefined ? undefined : parsePermissions(granted));
  Deno.addSignalListener("SIGHUP", () => void log.reopen());
  const status = await keepRunning({
    port: `${PORT_DIRECTORY}/${portName(invocation.dialect, config.channel_name)}`,
    command: [self, ...args.filter((arg) => !isBaked(arg)), "--channel=stdio"],
    retryMs: config.connection_retry_seconds * 1000,
    log,
  });
  await withTimer(LOG_FLUSH_MS, log.flush());
  return status;
}

/** The configured port, or where nothing is configured the one of the dialect. */
const portName = (dialect: DialectChoice, configured: string) =>
  dialect === "qga" && configured === DEFAULT_CHANNEL_NAME ? QGA_CHANNEL_NAME : configured;

/** The agent that is started has them of its own. */
const isBaked = (arg: string) => BAKED_OPTIONS.some((name) => arg.startsWith(`--${name}=`));

/** {@link supervise} without what it takes from the configuration. */
export async function keepRunning({ port, command, retryMs, log }: Supervised): Promise<number> {
  const stopping = new AbortController();
  let agent: Deno.ChildProcess | undefined;
  const tell = (signal: Deno.Signal) => {
    try {
      agent?.kill(signal);
    } catch {
      // It has ended by itself.
    }
  };
  const forward = {
    SIGHUP: () => tell("SIGHUP"),
    SIGINT: () => {
      stopping.abort();
      tell("SIGTERM");
    },
    SIGTERM: () => {
      stopping.abort();
      tell("SIGTERM");
    },
  };
  for (const signal of FORWARDED) Deno.addSignalListener(signal, forward[signal]);
  const stopped = new Aborted(stopping.signal);
  using _stopped = stopped;
  try {
    let lastStatus: number | undefined;
    while (!stopping.signal.aborted) {
      agent = new Deno.Command(SHELL, {
        args: ["-c", OPEN_PORT_AND_BECOME_AGENT, "sh", port, ...command],
        stdin: "null",
        stdout: "null",
      }).spawn();
      const { code, signal } = await agent.status;
      agent = undefined;
      if (stopping.signal.aborted) return signal === null ? code : EXIT.ok;
      if (FINAL_STATUSES.includes(code)) {
        log.error("the agent cannot be run like this, it is not started again", { status: code });
        return code;
      }
      explainEnd(log, { port, code, signal, retryMs, isNew: code !== lastStatus });
      lastStatus = code;
      await withTimer(retryMs, stopped.happened);
    }
    return EXIT.ok;
  } finally {
    for (const signal of FORWARDED) Deno.removeSignalListener(signal, forward[signal]);
  }
}

const FORWARDED = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

interface End {
  readonly port: string;
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly retryMs: number;
  /** Whether it is not the same as the time before: a port may be away for years. */
  readonly isNew: boolean;
}

function explainEnd(log: Log, { port, code, signal, retryMs, isNew }: End): void {
  const fields = { port, retry_seconds: retryMs / 1000 };
  if (code === NO_PORT) {
    if (isNew) log.warn("there is no such port, the host may plug it in", fields);
  } else if (code === PORT_REFUSED) {
    if (isNew) log.warn("the port cannot be opened; another process may have it", fields);
  } else {
    log.warn("the agent has ended, it is started again", { ...fields, status: code, signal });
  }
}
