/**
 * One agent of a pool: connects, queries its description, pings it, and starts over when the
 * connection ends.
 *
 * @module
 */

import { messageOf } from "../lib/base/message_of.ts";
import type { AgentChannel } from "./channels.ts";
import { AgentClient, type CallArguments, type CallOptions } from "./client.ts";
import { AnswerError, CallError, type CallErrorReason, unlessRefused } from "./errors.ts";
import type { Notification } from "./incoming.ts";
import type { MethodName, ResultOf } from "./protocol.ts";

/** A pool's intervals, in milliseconds (protocol, "Reconnection Handling"). */
export interface PoolTimes {
  /** Between two attempts to connect. @default {10000} */
  readonly reconnectMs: number;
  /** Between two pings. @default {10000} */
  readonly pingMs: number;
  /** Without an answer until an agent counts as unavailable. @default {30000} */
  readonly unavailableMs: number;
}

/** Whether an agent can be reached. */
export type AgentState = "connecting" | "ready" | "unavailable";

/**
 * What happens to an agent of a pool. `ready` and `unavailable` alternate: `ready` comes once the
 * agent has described itself, so its `info` is current, and `unavailable` as soon as the connection
 * ends, the agent has not answered for `unavailableMs`, or it turns out to have been restarted.
 */
export type PoolEvent =
  | { readonly kind: "connected" | "ready" | "gone"; readonly agent: PoolAgent }
  | { readonly kind: "unavailable"; readonly agent: PoolAgent; readonly reason: string }
  | { readonly kind: "event"; readonly agent: PoolAgent; readonly notification: Notification };

/** An agent of a pool as its users see it. */
export interface PoolAgent {
  /** The VM's name. */
  readonly name: string;
  /** The socket. */
  readonly path: string;
  /** Where it was found. */
  readonly channel: AgentChannel;
  /** Whether it can be reached. */
  readonly state: AgentState;
  /** Why it is not ready, for a person; `undefined` if it is. */
  readonly problem: string | undefined;
  /** The agent's description of itself; `undefined` before it is known, or if the agent refuses. */
  readonly info: ResultOf<"get_agent_info"> | undefined;
  /** The guest's description from the same time. */
  readonly system: ResultOf<"get_system_info"> | undefined;
  /** The number of lines on this connection that did not answer a call of ours. */
  readonly skipped: number;
  /**
   * Calls a method.
   *
   * @throws As {@link AgentClient.call}; {@link CallError} immediately while not connected.
   */
  call<Name extends MethodName>(
    method: Name,
    ...args: CallArguments<Name>
  ): Promise<ResultOf<Name>>;
  /** Calls any method; the result is not checked. @throws As {@link call}. */
  callUnchecked(method: string, params?: unknown, options?: CallOptions): Promise<unknown>;
  /** Calls any method; resolves to the JSON of its result, unchecked. @throws As {@link call}. */
  callForText(method: string, params?: unknown, options?: CallOptions): Promise<string>;
}

/** The random share of the reconnection interval, so that agents are not all tried at once. */
const SPREAD = 0.1;
const RESTARTED = "the agent was restarted";

/** A {@link PoolAgent} with the methods that only the pool calls. */
export class PoolMember implements PoolAgent {
  state: AgentState = "connecting";
  problem: string | undefined = "not connected yet";
  info: ResultOf<"get_agent_info"> | undefined;
  system: ResultOf<"get_system_info"> | undefined;
  #client: AgentClient | undefined;
  /** Why there is no connection. */
  #failure: CallErrorReason = "connection lost";
  #connecting: Promise<void> | undefined;
  #describing: AbortController | undefined;
  #isGone = false;
  #isPinging = false;
  #connectAt = 0;
  #pingAt = Number.POSITIVE_INFINITY;
  #heardAt: number;

  /** @param lockAs As in `ClientOptions`, like `maxLineBytes`. */
  constructor(
    readonly channel: AgentChannel,
    readonly times: PoolTimes,
    readonly emit: (event: PoolEvent) => void,
    readonly lockAs: string | undefined,
    readonly maxLineBytes: number,
  ) {
    this.#heardAt = performance.now();
  }

  get name(): string {
    return this.channel.name;
  }

  get path(): string {
    return this.channel.path;
  }

  get skipped(): number {
    return this.#client?.skipped ?? 0;
  }

  call<Name extends MethodName>(
    method: Name,
    ...args: CallArguments<Name>
  ): Promise<ResultOf<Name>> {
    return this.#calling((client) => client.call(method, ...args));
  }

  callUnchecked(method: string, params?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#calling((client) => client.callUnchecked(method, params, options));
  }

  callForText(method: string, params?: unknown, options?: CallOptions): Promise<string> {
    return this.#calling((client) => client.callForText(method, params, options));
  }

  async #calling<T>(call: (client: AgentClient) => Promise<T>): Promise<T> {
    const client = this.#client;
    if (client === undefined) {
      throw new CallError(
        this.problem === undefined ? "not connected" : `not connected: ${this.problem}`,
        this.#failure,
      );
    }
    try {
      const result = await call(client);
      this.#heard();
      return result;
    } catch (error) {
      // A refusal is a sign of life.
      if (error instanceof AnswerError) this.#heard();
      throw error;
    }
  }

  /** Does what is due. Called by the pool's clock. */
  tick(now: number): void {
    if (this.#client === undefined) {
      if (now >= this.#connectAt) this.#startConnecting(now);
    } else if (now >= this.#pingAt && !this.#isPinging) {
      void this.#ping(now);
    }
    if (this.state !== "unavailable" && now - this.#heardAt >= this.times.unavailableMs) {
      const seconds = Math.round((now - this.#heardAt) / 1000);
      this.#becomeUnavailable(
        this.#client === undefined
          ? this.problem ?? "not connected"
          : `connected, but no answer for ${seconds} s`,
      );
    }
  }

  /** The socket has been created again: there is no reason to wait. */
  reconnectNow(): void {
    if (this.#client === undefined) this.#connectAt = 0;
  }

  /** Ends the connection for good. */
  async end(): Promise<void> {
    this.#isGone = true;
    await this.#client?.close();
    await this.#connecting;
  }

  #startConnecting(now: number): void {
    if (this.#connecting !== undefined || this.#isGone) return;
    this.#connecting = this.#connect(now).finally(() => this.#connecting = undefined);
  }

  async #connect(now: number): Promise<void> {
    this.#connectAt = now + this.times.reconnectMs * (1 + SPREAD * Math.random());
    try {
      const client = await AgentClient.connect(this.path, {
        lockAs: this.lockAs,
        maxLineBytes: this.maxLineBytes,
        onNotification: (notification) => this.#onNotification(notification),
        onEnd: (why) => this.#lost(client, why),
      });
      if (this.#isGone) return await client.close();
      this.#client = client;
      // Agents that were found together are not pinged together.
      this.#pingAt = performance.now() + this.times.pingMs * Math.random();
      this.emit({ kind: "connected", agent: this });
      void this.#describe(client);
    } catch (error) {
      this.problem = messageOf(error);
      this.#failure = error instanceof CallError ? error.reason : "connection lost";
    }
  }

  #onNotification(notification: Notification): void {
    if (this.#isGone) return;
    if (notification.method === "agent_ready") {
      // An agent announces itself once, before its first answer: a second announcement is from a
      // new process.
      if (this.state === "ready") this.#becomeUnavailable(RESTARTED);
      // The new process does not answer requests to the old one.
      this.#describing?.abort();
      this.#describing = undefined;
    }
    this.emit({ kind: "event", agent: this, notification });
    this.#heard();
  }

  #lost(client: AgentClient, why: CallError): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#describing?.abort();
    this.#describing = undefined;
    this.#pingAt = Number.POSITIVE_INFINITY;
    this.problem = why.message;
    this.#failure = why.reason;
    if (!this.#isGone && this.state === "ready") this.#becomeUnavailable(why.message);
  }

  #becomeUnavailable(reason: string): void {
    this.state = "unavailable";
    this.problem = reason;
    this.emit({ kind: "unavailable", agent: this, reason });
  }

  /** Queries the agent's description; any answer, even a refusal, makes it ready. */
  async #describe(client: AgentClient): Promise<void> {
    if (this.#describing !== undefined) return;
    const describing = new AbortController();
    this.#describing = describing;
    const isCurrent = () => this.#describing === describing && this.#client === client;
    const options = { timeoutMs: this.times.unavailableMs, signal: describing.signal };
    const system = client.call("get_system_info", {}, options).then(
      (answer) => {
        if (isCurrent()) this.system = answer;
      },
      // A guest that does not describe its system is still ready.
      () => {},
    );
    try {
      const info = await unlessRefused(client.call("get_agent_info", {}, options));
      if (!isCurrent()) return;
      this.info = info;
      this.#becomeReady();
    } catch (error) {
      if (isCurrent()) this.problem = messageOf(error);
    } finally {
      await system;
      if (this.#describing === describing) this.#describing = undefined;
    }
  }

  #becomeReady(): void {
    this.#heardAt = performance.now();
    if (this.#isGone || this.state === "ready") return;
    this.state = "ready";
    this.problem = undefined;
    this.emit({ kind: "ready", agent: this });
  }

  async #ping(now: number): Promise<void> {
    this.#isPinging = true;
    this.#pingAt = Math.max(this.#pingAt + this.times.pingMs, now);
    try {
      // Waits until the agent counts as unavailable: with a shorter timeout, pings would pile up in
      // a channel that nobody reads.
      await this.call("ping", {}, { timeoutMs: this.times.unavailableMs });
    } catch {
      // Either it answered with an error, or the clock will notice the silence.
    } finally {
      this.#isPinging = false;
    }
  }

  /** A sign of life. An agent that is not ready must describe itself first. */
  #heard(): void {
    this.#heardAt = performance.now();
    if (this.#isGone || this.#client === undefined || this.state === "ready") return;
    void this.#describe(this.#client);
  }
}
