/**
 * The command monitor of a running agent: its built-in commands and, if enabled, its socket.
 *
 * @module
 */

import type { Audit } from "../../lib/audit/audit.ts";
import { HostUnreachableError } from "../../lib/channel/dialect.ts";
import type { HostLink } from "../../lib/channel/host_link.ts";
import { messageOf } from "../../lib/base/message_of.ts";
import { type Config, durationMs } from "../../lib/config/schema.ts";
import type { Log } from "../../lib/log/logger.ts";
import { auditedReload } from "../../lib/monitor/audited_reload.ts";
import { registerBuiltins } from "../../lib/monitor/builtin/mod.ts";
import type { MonitorContext, ProgramEvent } from "../../lib/monitor/context.ts";
import { CommandError, Monitor } from "../../lib/monitor/monitor.ts";
import { CommandServer, type ServerLimits } from "../../lib/monitor/server.ts";
import type { Platform } from "../../lib/platform/platform.ts";
import { ListenError } from "../../lib/channel/channel.ts";
import type { EventJournal } from "../../lib/core/event_journal.ts";
import { eventBytes } from "../../lib/core/stored_event.ts";
import type { NewEvent } from "../../lib/core/event_types.ts";
import type { AgentEvents } from "./events.ts";
import type { LiveConfig } from "./live_config.ts";

const BYTES_PER_KB = 1024;
const MS_PER_SECOND = 1000;
/** Bytes of the message around an event, in an answer or a notification. */
const ENVELOPE_BYTES = 512;

const limitsOf = ({ command_monitor, request_timeout_seconds }: Config): ServerLimits => ({
  requestTimeoutMs: durationMs(command_monitor.request_timeout),
  handlerTimeoutSeconds: request_timeout_seconds,
  maxConnections: command_monitor.max_connections,
});

/** What the monitor's commands need from the running agent. */
export type RunningAgent =
  & Omit<MonitorContext, "host" | "sendEvent" | "eventRefused" | "reload">
  & {
    readonly host: HostLink;
    readonly events: AgentEvents | undefined;
    readonly platform: Platform;
  };

/** The command monitor's server, which may not be running. */
export class MonitorService {
  readonly #live: LiveConfig;
  readonly #monitor: Monitor;
  readonly #log: Log;
  readonly #platform: Platform;
  #server: CommandServer | undefined;

  constructor(live: LiveConfig, log: Log, audit: Audit, agent: RunningAgent) {
    this.#live = live;
    this.#log = log;
    this.#platform = agent.platform;
    this.#monitor = new Monitor(log);
    registerBuiltins(this.#monitor, {
      ...agent,
      sendEvent: (event) =>
        sendEvent(event, {
          journal: agent.events?.journal,
          host: agent.host,
          limitBytes: live.current.max_message_size_kb * BYTES_PER_KB,
        }),
      eventRefused: () => agent.events?.countRefused(),
      reload: () => auditedReload(audit, "agent.ReloadConfig", () => live.reload()),
    });
    live.onChange((config) => {
      if (this.#server !== undefined) this.#server.limits = limitsOf(config);
    });
  }

  /**
   * Starts the server if the configuration enables it and it is not running. An agent without it
   * still serves its host, so a failure is only logged.
   */
  async start(): Promise<void> {
    const { current } = this.#live;
    const options = current.command_monitor;
    if (!options.enabled || this.#server !== undefined) return;
    const server = new CommandServer({
      monitor: this.#monitor,
      open: () => this.#platform.listenForCommands(options),
      limits: limitsOf(current),
      log: this.#log,
    });
    this.#server = server;
    try {
      await server.start();
      this.#log.info("command monitor ready", { pipe_path: options.pipe_path });
    } catch (error) {
      this.#server = undefined;
      if (!(error instanceof ListenError)) throw error;
      this.#log.error("cannot start the command monitor", {
        pipe_path: options.pipe_path,
        error: error.message,
        remedy: "fix the problem and send SIGHUP",
      });
    }
  }

  /** Removes the socket and ends running commands. */
  async stop(): Promise<void> {
    await this.#server?.close();
  }
}

/** Where the events of programs go. */
interface EventPath {
  readonly journal: EventJournal | undefined;
  readonly host: HostLink;
  /** The largest message, in bytes. */
  readonly limitBytes: number;
}

/**
 * Keeps an event in the journal and sends it to the host, if one is connected; returns its number,
 * if the journal has it.
 *
 * @throws {CommandError} if it is too large, or neither kept nor sent.
 */
async function sendEvent(
  { event, data }: ProgramEvent,
  { journal, host, limitBytes }: EventPath,
): Promise<number | undefined> {
  const program: NewEvent = { type: "program", event, data };
  const bytes = eventBytes(program) + ENVELOPE_BYTES;
  if (bytes > limitBytes) {
    throw new CommandError(
      `the event was not sent: its message has ${bytes} bytes, which exceeds max_message_size_kb ` +
        `(${limitBytes} bytes)`,
    );
  }
  const kept = journal?.isOn("program") ? await keep(journal, program) : { reason: "" };
  const timestamp = Math.floor(Date.now() / MS_PER_SECOND);
  try {
    host.notify({ name: "event", params: { event, data, source: {}, timestamp, seq: kept.seq } });
  } catch (error) {
    if (!(error instanceof HostUnreachableError)) throw error;
    if (kept.seq === undefined) {
      const both = kept.reason === "" ? "" : ` or kept: ${kept.reason}`;
      throw new CommandError(`the event was not sent: ${error.message}${both}`);
    }
  }
  return kept.seq;
}

/** Appends an event; returns its number, or why the journal does not keep it. */
async function keep(
  journal: EventJournal,
  event: NewEvent,
): Promise<{ readonly seq?: number; readonly reason: string }> {
  try {
    const { seq, isKept } = await journal.append(event);
    return isKept ? { seq, reason: "" } : { reason: "it could not be written to the disk" };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}
