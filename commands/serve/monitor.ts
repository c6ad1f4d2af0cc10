/**
 * The command monitor of a running agent: its built-in commands and, if enabled, its socket.
 *
 * @module
 */

import type { Audit } from "../../lib/audit/audit.ts";
import { HostUnreachableError } from "../../lib/channel/dialect.ts";
import type { HostLink } from "../../lib/channel/host_link.ts";
import { type Config, durationMs } from "../../lib/config/schema.ts";
import type { Log } from "../../lib/log/logger.ts";
import { auditedReload } from "../../lib/monitor/audited_reload.ts";
import { registerBuiltins } from "../../lib/monitor/builtin/mod.ts";
import type { MonitorContext } from "../../lib/monitor/context.ts";
import { CommandError, Monitor } from "../../lib/monitor/monitor.ts";
import { CommandServer, type ServerLimits } from "../../lib/monitor/server.ts";
import { listenOnSocket } from "../../lib/platform/linux/monitor_socket.ts";
import { ListenError } from "../../lib/channel/channel.ts";
import type { LiveConfig } from "./live_config.ts";

const limitsOf = ({ command_monitor, request_timeout_seconds }: Config): ServerLimits => ({
  requestTimeoutMs: durationMs(command_monitor.request_timeout),
  handlerTimeoutSeconds: request_timeout_seconds,
  maxConnections: command_monitor.max_connections,
});

/** What the monitor's commands need from the running agent. */
export type RunningAgent =
  & Omit<MonitorContext, "host" | "notifyHost" | "reload">
  & { readonly host: HostLink };

/** The command monitor's server, which may not be running. */
export class MonitorService {
  readonly #live: LiveConfig;
  readonly #monitor: Monitor;
  readonly #log: Log;
  #server: CommandServer | undefined;

  constructor(live: LiveConfig, log: Log, audit: Audit, agent: RunningAgent) {
    this.#live = live;
    this.#log = log;
    this.#monitor = new Monitor(log);
    registerBuiltins(this.#monitor, {
      ...agent,
      notifyHost: (params) => notifyHost(agent.host, params),
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
      open: () => listenOnSocket(options),
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

function notifyHost(host: HostLink, params: Readonly<Record<string, unknown>>): void {
  try {
    host.notify({ name: "event", params });
  } catch (error) {
    if (!(error instanceof HostUnreachableError)) throw error;
    throw new CommandError(`the event was not sent: ${error.message}`);
  }
}
