/**
 * The real executor with the real methods, under a harmless configuration.
 *
 * @module
 */

import { METHODS } from "../../handlers/mod.ts";
import { type Config, defaultConfig } from "../../lib/config/schema.ts";
import type { Log } from "../../lib/log/logger.ts";
import { NO_LOG } from "../../lib/log/logger.ts";
import { Caller } from "../../lib/core/caller.ts";
import { Executor } from "../../lib/core/executor.ts";
import { Jobs } from "../../lib/core/jobs/jobs.ts";
import { JsonRpcConversation } from "../../lib/dialects/jsonrpc/conversation.ts";
import type { Part } from "../../lib/channel/dialect.ts";
import { textOf } from "../../lib/dialects/jsonrpc/messages.ts";
import { linuxGuest } from "../../lib/platform/linux/guest.ts";
import { Power } from "../../lib/guest/power.ts";

/** Bytes of a message: few, so that limits are reached. */
export const LIMIT_BYTES = 4096;

/** Programs that exit by themselves and change nothing. */
export const PROGRAMS = ["echo", "true", "false", "cat"] as const;

/** The number of hosts. */
export const HOSTS = 2;

/** A bug that the executor has logged: an error that is not an answer was thrown. */
export class FaultLogged extends Error {
  override readonly name = "FaultLogged";
}

/** An agent without a channel, in a separate directory. */
export class FuzzAgent implements AsyncDisposable {
  readonly config: Config;
  readonly #executor: Executor;
  readonly #callers = Array.from({ length: HOSTS }, () => new Caller());
  #fault: unknown;

  private constructor(
    /** The temporary directory with all files. */
    readonly directory: string,
    /** The part of it that requests may access. */
    readonly files: string,
  ) {
    this.config = {
      ...defaultConfig(),
      log_file: null,
      state_directory: null,
      max_message_size_kb: LIMIT_BYTES / 1024,
      max_requests_per_second: 10_000_000,
      security: {
        ...defaultConfig().security,
        allowed_read_paths: [files],
        allowed_write_paths: [files],
        command_whitelist: [...PROGRAMS],
        max_file_size_mb: 1,
        max_command_timeout_seconds: 1,
      },
    };
    const log: Log = {
      ...NO_LOG,
      error: (message, fields) => void (this.#fault ??= `${message}: ${JSON.stringify(fields)}`),
    };
    const guest = {
      ...linuxGuest(),
      power: new Power({
        unavailable: undefined,
        check: () => Promise.resolve(undefined),
        request: () => Promise.resolve(),
      }),
    };
    const jobs = new Jobs({ guest, log });
    this.#executor = new Executor({ config: this.config, guest, jobs, log, methods: METHODS });
  }

  static async start(): Promise<FuzzAgent> {
    const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "kvmmanager-fuzz-" }));
    const files = `${directory}/files`;
    await Deno.mkdir(files);
    return new FuzzAgent(directory, files);
  }

  /** Changes the policy for new requests. */
  allow(security: Partial<Config["security"]>): void {
    this.#executor.reconfigure({
      ...this.config,
      security: { ...this.config.security, ...security },
    });
  }

  /**
   * Everything that is sent in answer to a line, once its work has ended.
   *
   * @param host Which host sends it, counted from 0.
   * @throws {FaultLogged} if the agent logged a bug.
   */
  async exchange(line: string, host = 0): Promise<string[]> {
    const texts: string[] = [];
    this.#fault = undefined;
    const link = {
      send: (...parts: readonly Part[]) => {
        texts.push(textOf(parts).trimEnd());
        return Promise.resolve();
      },
    };
    const options = { executor: this.#executor, ready: () => undefined };
    await new JsonRpcConversation(link, options, this.#callers[host]).onLine(line);
    if (this.#fault !== undefined) throw new FaultLogged(String(this.#fault));
    return texts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#executor.stop(1000);
    await Deno.remove(this.directory, { recursive: true });
  }
}
