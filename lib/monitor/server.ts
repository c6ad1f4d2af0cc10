/**
 * The server of the command monitor: lets clients in, has their commands carried out, answers.
 *
 * @module
 */

import { utf8Bytes } from "../base/json_text.ts";
import type { Log } from "../log/logger.ts";
import { messageOf } from "../base/message_of.ts";
import { withTimer } from "../base/waiting.ts";
import { Slots } from "../core/admission.ts";
import { closeQuietly } from "../platform/linux/unix_socket.ts";
import { type CommandAnswer, refusal, STATUS } from "./answer.ts";
import { CommandLog } from "./command_log.ts";
import { exchange, type Received } from "./exchange.ts";
import type { CommandConnection, CommandListener, OpenListener } from "./listener.ts";
import { CommandError, type Monitor } from "./monitor.ts";
import { MAX_MESSAGE_BYTES, RequestBuffers } from "./request_buffers.ts";

/** Bounds that may change while the server runs. */
export interface ServerLimits {
  /** Milliseconds for a request to arrive, and again for its answer to be read. */
  readonly requestTimeoutMs: number;
  /** Seconds that a handler has. */
  readonly handlerTimeoutSeconds: number;
  /** How many clients are served at once; more wait. */
  readonly maxConnections: number;
}

/** What a server needs. */
export interface ServerOptions {
  readonly monitor: Monitor;
  readonly open: OpenListener;
  readonly limits: ServerLimits;
  readonly log: Log;
  /** Milliseconds between looks whether the socket is still there. @default {5000} */
  readonly watchMs?: number;
}

const WATCH_MS = 5000;
/** How long clients have to read their answers once the server is told to stop. */
const CLOSE_GRACE_MS = 1000;

/** Serves a {@link Monitor} to whoever can connect. */
export class CommandServer {
  readonly #options: ServerOptions;
  readonly #log: CommandLog;
  readonly #slots: Slots;
  readonly #buffers = new RequestBuffers();
  readonly #stopping = new AbortController();
  readonly #connections = new Set<CommandConnection>();
  readonly #serving = new Set<Promise<void>>();
  #limits: ServerLimits;
  #listener: CommandListener | undefined;
  #watching: ReturnType<typeof setInterval> | undefined;
  #isMending = false;
  #lastTrouble = "";

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#limits = options.limits;
    this.#log = new CommandLog(options.log);
    this.#slots = new Slots(options.limits.maxConnections);
  }

  /**
   * Makes the socket and begins to serve.
   *
   * @throws {ListenError} when the socket cannot be made.
   */
  async start(): Promise<void> {
    this.#listen(await this.#options.open());
    this.#watching = setInterval(
      () => void this.#mend(),
      this.#options.watchMs ?? WATCH_MS,
    );
  }

  /** Other limits, for clients that come from now on. */
  set limits(limits: ServerLimits) {
    this.#limits = limits;
    this.#slots.resize(limits.maxConnections);
  }

  /** Takes the socket away; commands under way end with status 105, and that is still sent. */
  async close(): Promise<void> {
    clearInterval(this.#watching);
    this.#stopping.abort(new CommandError("the agent is stopping"));
    this.#listener?.close();
    await withTimer(CLOSE_GRACE_MS, Promise.all(this.#serving));
    for (const connection of this.#connections) closeQuietly(connection);
    await Promise.all(this.#serving);
  }

  #listen(listener: CommandListener): void {
    this.#listener = listener;
    void this.#acceptAll(listener);
  }

  async #acceptAll(listener: CommandListener): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#slots.take(signal);
      } catch {
        return;
      }
      const connection = await listener.accept();
      if (connection === undefined) return this.#slots.give();
      const serving = this.#serve(connection);
      this.#serving.add(serving);
      void serving.finally(() => this.#serving.delete(serving));
    }
  }

  async #serve(connection: CommandConnection): Promise<void> {
    this.#connections.add(connection);
    await exchange(connection, {
      timeoutMs: this.#limits.requestTimeoutMs,
      buffers: this.#buffers,
      answer: (received) => this.#answer(received),
    });
    this.#connections.delete(connection);
    this.#slots.give();
  }

  async #answer(received: Received): Promise<string | undefined> {
    if (received.kind === "nothing") return undefined;
    const start = performance.now();
    const { name, answer } = await this.#judge(received);
    const text = this.#textOf(answer);
    this.#log.answered(name, answer, start);
    return text;
  }

  async #judge(
    received: Exclude<Received, { kind: "nothing" }>,
  ): Promise<{ name?: string; answer: CommandAnswer }> {
    if (received.kind === "late") {
      const ms = this.#limits.requestTimeoutMs;
      return { answer: refusal(STATUS.timeout, `nothing whole came within ${ms} ms`) };
    }
    if (received.kind === "cut") {
      return { answer: refusal(STATUS.connection, "it ended within the request") };
    }
    if (received.kind === "bad") return { answer: refusal(STATUS.badRequest, received.reason) };
    const { request } = received;
    const answer = await this.#options.monitor.run(request, {
      timeoutSeconds: this.#limits.handlerTimeoutSeconds,
      stopping: this.#stopping.signal,
    });
    return { name: request.name, answer };
  }

  #textOf(answer: CommandAnswer): string {
    let text: string;
    try {
      text = JSON.stringify(answer);
    } catch (error) {
      const reason = "the handler's result is no JSON";
      this.#options.log.error(reason, { error: messageOf(error) });
      return JSON.stringify(refusal(STATUS.internal, reason));
    }
    if (utf8Bytes(text) <= MAX_MESSAGE_BYTES) return text;
    return JSON.stringify(
      refusal(STATUS.internal, `the answer is over ${MAX_MESSAGE_BYTES} bytes`),
    );
  }

  /** Makes the socket anew where somebody has removed or replaced its file. */
  async #mend(): Promise<void> {
    const old = this.#listener;
    if (this.#isMending || old === undefined) return;
    this.#isMending = true;
    try {
      if (await old.isInPlace() || this.#stopping.signal.aborted) return;
      const fresh = await this.#options.open();
      if (this.#stopping.signal.aborted) return fresh.close();
      this.#listen(fresh);
      old.close();
      this.#lastTrouble = "";
      this.#options.log.warn("the command monitor's socket was gone and has been made anew", {
        pipe_path: fresh.path,
      });
    } catch (error) {
      const trouble = messageOf(error);
      if (trouble === this.#lastTrouble) return;
      this.#lastTrouble = trouble;
      this.#options.log.error("the command monitor's socket is gone and cannot be made anew", {
        pipe_path: old.path,
        error: trouble,
      });
    } finally {
      this.#isMending = false;
    }
  }
}
