/**
 * The command monitor's server: accepts clients, runs their commands and sends the answers.
 *
 * @module
 */

import { closeQuietly } from "../base/close_quietly.ts";
import { utf8Bytes } from "../base/json_text.ts";
import { messageOf } from "../base/message_of.ts";
import { Timer } from "../base/timer.ts";
import { withTimer } from "../base/waiting.ts";
import { Slots } from "../base/slots.ts";
import type { Log } from "../log/logger.ts";
import { type CommandAnswer, refusal, STATUS } from "./answer.ts";
import { exchange } from "./exchange.ts";
import type { CommandConnection, CommandListener, OpenListener } from "./listener.ts";
import { CommandError, type Monitor } from "./monitor.ts";
import type { Received } from "./reception.ts";
import { BUFFER_BYTES as MAX_ANSWER_BYTES, RequestMemory } from "./request_memory.ts";

/** Limits that may change while the server runs. */
export interface ServerLimits {
  /** Milliseconds for a request to arrive, and again for its answer to be read. */
  readonly requestTimeoutMs: number;
  /** Seconds until a handler times out. */
  readonly handlerTimeoutSeconds: number;
  /** How many clients are served at the same time; others wait. */
  readonly maxConnections: number;
}

/** What a server needs. */
export interface ServerOptions {
  readonly monitor: Monitor;
  readonly open: OpenListener;
  readonly limits: ServerLimits;
  readonly log: Log;
  /** Milliseconds between checks that the socket still exists. @default {5000} */
  readonly watchMs?: number;
}

const WATCH_MS = 5000;
/** How long clients may take to read their answers once the server stops. */
const CLOSE_GRACE_MS = 1000;

/** Serves a {@link Monitor} to every client that can connect. */
export class CommandServer {
  readonly #options: ServerOptions;
  readonly #slots: Slots;
  readonly #memory = new RequestMemory();
  readonly #stopping = new AbortController();
  readonly #connections = new Set<CommandConnection>();
  readonly #serving = new Set<Promise<void>>();
  #limits: ServerLimits;
  #listener: CommandListener | undefined;
  #watching: Timer | undefined;
  #isRecreating = false;
  #lastTrouble = "";

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#limits = options.limits;
    this.#slots = new Slots(options.limits.maxConnections);
  }

  /**
   * Creates the socket and starts serving.
   *
   * @throws {Error} if the socket cannot be created.
   */
  async start(): Promise<void> {
    this.#listen(await this.#options.open());
    this.#watch();
  }

  /** Changes the limits for new clients. */
  set limits(limits: ServerLimits) {
    this.#limits = limits;
    this.#slots.resize(limits.maxConnections);
  }

  /** Removes the socket. Running commands end with status 105, which is still sent. */
  async close(): Promise<void> {
    this.#watching?.stop();
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
      const serving = this.#serveClient(connection);
      this.#serving.add(serving);
      void serving.finally(() => this.#serving.delete(serving));
    }
  }

  async #serveClient(connection: CommandConnection): Promise<void> {
    this.#connections.add(connection);
    await exchange(connection, {
      timeoutMs: this.#limits.requestTimeoutMs,
      memory: this.#memory,
      answer: (received) => this.#answer(received),
    });
    this.#connections.delete(connection);
    this.#slots.give();
  }

  async #answer(received: Received): Promise<string> {
    const start = performance.now();
    const answer = await this.#run(received);
    const text = this.#textOf(answer);
    const name = received.kind === "request" ? received.request.name : undefined;
    // A client that sends nothing only checks whether the socket is served.
    if (received.kind !== "cut" || !received.isEmpty) {
      this.#options.monitor.log.answered(name, answer, start);
    }
    return text;
  }

  async #run(received: Received): Promise<CommandAnswer> {
    if (received.kind === "late") return refusal(STATUS.timeout);
    if (received.kind === "cut") return refusal(STATUS.connection);
    if (received.kind === "bad") return refusal(STATUS.badRequest, received.reason);
    return await this.#options.monitor.run(received.request, {
      timeoutSeconds: this.#limits.handlerTimeoutSeconds,
      stopping: this.#stopping.signal,
    });
  }

  #textOf(answer: CommandAnswer): string {
    let text: string;
    try {
      text = JSON.stringify(answer);
    } catch (error) {
      const reason = "the handler's result cannot be written as JSON";
      this.#options.monitor.log.fault(reason, { error: messageOf(error) });
      return JSON.stringify(refusal(STATUS.internal, reason));
    }
    if (utf8Bytes(text) <= MAX_ANSWER_BYTES) return text;
    return JSON.stringify(
      refusal(STATUS.internal, `the answer has more than ${MAX_ANSWER_BYTES} bytes`),
    );
  }

  #watch(): void {
    this.#watching = new Timer(this.#options.watchMs ?? WATCH_MS, () => {
      this.#watch();
      void this.#recreate();
    });
  }

  /** Recreates the socket if its file was removed or replaced. */
  async #recreate(): Promise<void> {
    const old = this.#listener;
    if (this.#isRecreating || old === undefined) return;
    this.#isRecreating = true;
    try {
      if (await old.isInPlace() || this.#stopping.signal.aborted) return;
      const fresh = await this.#options.open();
      if (this.#stopping.signal.aborted) return fresh.close();
      this.#listen(fresh);
      old.close();
      this.#lastTrouble = "";
      this.#options.log.warn("recreated the command monitor's socket, which had been removed", {
        pipe_path: fresh.path,
      });
    } catch (error) {
      const trouble = messageOf(error);
      if (trouble === this.#lastTrouble) return;
      this.#lastTrouble = trouble;
      this.#options.log.error("cannot recreate the command monitor's socket", {
        pipe_path: old.path,
        error: trouble,
      });
    } finally {
      this.#isRecreating = false;
    }
  }
}
