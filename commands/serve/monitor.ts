/**
 * The command monitor of a running agent: its own commands, and the socket where the configuration
 * wants one.
 *
 * @module
 */

import type { Audit } from "../../lib/audit/audit.ts";
import { type Config, durationMs } from "../../lib/config/schema.ts";
import type { Log } from "../../lib/log/logger.ts";
import { audited } from "../../lib/monitor/audited.ts";
import { builtinCommands } from "../../lib/monitor/builtin/mod.ts";
import type { AgentParts } from "../../lib/monitor/builtin/parts.ts";
import { Monitor } from "../../lib/monitor/monitor.ts";
import { CommandServer, type ServerLimits } from "../../lib/monitor/server.ts";
import { listenOnSocket } from "../../lib/platform/linux/monitor_socket.ts";
import { ListenError } from "../../lib/platform/linux/unix_socket.ts";
import type { LiveConfig } from "./live_config.ts";

const limitsOf = ({ command_monitor, request_timeout_seconds }: Config): ServerLimits => ({
  requestTimeoutMs: durationMs(command_monitor.request_timeout),
  handlerTimeoutSeconds: request_timeout_seconds,
  maxConnections: command_monitor.max_connections,
});

/** The monitor's server, once it could be started. */
export class MonitorService {
  readonly #live: LiveConfig;
  readonly #monitor: Monitor;
  readonly #log: Log;
  #server: CommandServer | undefined;

  constructor(
    live: LiveConfig,
    log: Log,
    audit: Audit,
    parts: Omit<AgentParts, "config" | "reload">,
  ) {
    this.#live = live;
    this.#log = log;
    this.#monitor = new Monitor(log);
    const handlers = builtinCommands({
      ...parts,
      config: () => live.current,
      reload: () => live.reload(),
    });
    for (const [name, handler] of Object.entries(handlers)) {
      this.#monitor.register(name, audited(audit, name, handler));
    }
    live.onChange((config) => {
      if (this.#server !== undefined) this.#server.limits = limitsOf(config);
    });
  }

  /**
   * Starts the server where the configuration wants it and it does not run. An agent without it
   * still serves its host: what is in the way is logged.
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
      this.#log.error("the command monitor cannot be started", {
        pipe_path: options.pipe_path,
        error: error.message,
        remedy: "mend it and send SIGHUP",
      });
    }
  }

  /** Takes the socket away and ends what is under way. */
  async stop(): Promise<void> {
    await this.#server?.close();
  }
}
