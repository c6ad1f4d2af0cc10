/**
 * Runs without `--channel`, started by hand or by an init script: opens the virtio port, runs the
 * agent on it and restarts it whenever it exits. Under systemd the unit does this.
 *
 * Deno does not let a confined program open a device. A shell opens it and execs the agent, so the
 * child process is the agent itself and receives the signals.
 *
 * @module
 */

import { Aborted, withTimer } from "../lib/base/waiting.ts";
import { UsageError } from "../lib/base/command_line.ts";
import { loadConfig } from "../lib/config/load.ts";
import { type Log, Logger } from "../lib/log/logger.ts";
import { confineSupervisor } from "../lib/platform/linux/confinement.ts";
import { parsePermissions } from "../lib/platform/permissions.ts";
import { SHELL } from "../lib/platform/linux/programs.ts";
import { portName } from "./port_name.ts";
import { EXIT } from "./exit.ts";
import { BAKED_OPTIONS, type Invocation } from "./usage.ts";

const PORT_DIRECTORY = "/dev/virtio-ports";

/**
 * Exit statuses of the shell before exec; the agent never uses them. Without the check, the
 * redirection would create a regular file if the port is missing.
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

/** Exit statuses that a restart would not change. */
const FINAL_STATUSES: readonly number[] = [EXIT.usage, EXIT.config];

const LOG_FLUSH_MS = 1000;

/** What {@link keepRunning} runs. */
export interface Supervised {
  /** The character device. */
  readonly port: string;
  /** The agent's command line, to be run on the port. */
  readonly command: readonly string[];
  /** Milliseconds between an exit or a failed start and the next start. */
  readonly retryMs: number;
  readonly log: Log;
}

/**
 * Opens the port and runs this agent on it until SIGTERM or SIGINT, or until the agent exits with a
 * status that a restart would not change.
 *
 * @param args The command line of this invocation.
 * @returns The agent's exit status; 0 if it was stopped by a signal.
 * @throws {UsageError} if the agent cannot tell how to start itself.
 * @throws {ConfigError} if the configuration is invalid.
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

/** The child process already has these options built in. */
const isBaked = (arg: string) => BAKED_OPTIONS.some((name) => arg.startsWith(`--${name}=`));

/** The part of {@link supervise} that does not read the configuration. */
export async function keepRunning({ port, command, retryMs, log }: Supervised): Promise<number> {
  const stopping = new AbortController();
  let agent: Deno.ChildProcess | undefined;
  const tell = (signal: Deno.Signal) => {
    try {
      agent?.kill(signal);
    } catch {
      // It has already exited.
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
        log.error("the agent failed permanently; not restarting it", { status: code });
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
  /** Whether it differs from the last time: a port may be missing for years. */
  readonly isNew: boolean;
}

function explainEnd(log: Log, { port, code, signal, retryMs, isNew }: End): void {
  const fields = { port, retry_seconds: retryMs / 1000 };
  if (code === NO_PORT) {
    if (isNew) log.warn("the port does not exist; waiting for the host to add it", fields);
  } else if (code === PORT_REFUSED) {
    if (isNew) log.warn("cannot open the port; another process may be using it", fields);
  } else {
    log.warn("the agent exited; restarting it", { ...fields, status: code, signal });
  }
}
