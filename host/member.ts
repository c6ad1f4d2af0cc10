/**
 * One agent of a pool: connects, describes, pings, and starts over when the connection ends.
 *
 * @module
 */

import { messageOf } from "../lib/base/message_of.ts";
import type { AgentChannel } from "./channels.ts";
import { AgentClient, type CallArguments } from "./client.ts";
import { AnswerError, CallError } from "./errors.ts";
import type { Notification } from "./incoming.ts";
import type { MethodName, ResultOf } from "./protocol.ts";

/** What a pool waits for, in milliseconds (protocol, "Reconnection Handling"). */
export interface PoolTimes {
  /** Between two attempts to connect. @default {10000} */
  readonly reconnectMs: number;
  /** Between two pings. @default {10000} */
  readonly pingMs: number;
  /** Without an answer until an agent counts as unavailable. @default {30000} */
  readonly unavailableMs: number;
}

/** What is known of an agent's reachability. */
export type AgentState = "connecting" | "ready" | "unavailable";

/** What happens to an agent of a pool. */
export type PoolEvent =
  | { readonly kind: "connected" | "ready" | "recovered" | "gone"; readonly agent: PoolAgent }
  | { readonly kind: "unavailable"; readonly agent: PoolAgent; readonly reason: string }
  | { readonly kind: "event"; readonly agent: PoolAgent; readonly notification: Notification };

/** An agent of a pool as its users see it. */
export interface PoolAgent {
  /** The VM's name. */
  readonly name: string;
  /** The socket. */
  readonly path: string;
  readonly state: AgentState;
  /** Why it is not ready, for a person; `undefined` when it is. */
  readonly problem: string | undefined;
  /** As it described itself when it was connected last. */
  readonly info: ResultOf<"get_agent_info"> | undefined;
  /** The guest, as it was then. */
  readonly system: ResultOf<"get_system_info"> | undefined;
  /** Lines of this connection that were no answer of ours. */
  readonly skipped: number;
  /**
   * Calls a method.
   *
   * @throws As {@link AgentClient.call}; {@link CallError} at once while not connected.
   */
  call<Name extends MethodName>(
    method: Name,
    ...args: CallArguments<Name>
  ): Promise<ResultOf<Name>>;
}

/** The part of the time to the next attempt that is drawn, so that not all try at once. */
const SPREAD = 0.1;
/** Answers are small here; who wants large ones connects by himself. */
const MAX_LINE_BYTES = 1024 * 1024;

/** A {@link PoolAgent} with what the pool does to it. */
export class PoolMember implements PoolAgent {
  state: AgentState = "connecting";
  problem: string | undefined = "not connected yet";
  info: ResultOf<"get_agent_info"> | undefined;
  system: ResultOf<"get_system_info"> | undefined;
  #client: AgentClient | undefined;
  #isConnecting = false;
  #isGone = false;
  #isPinging = false;
  #connectAt = 0;
  #pingAt = Number.POSITIVE_INFINITY;
  #heardAt: number;

  constructor(
    readonly channel: AgentChannel,
    readonly times: PoolTimes,
    readonly tell: (event: PoolEvent) => void,
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

  async call<Name extends MethodName>(
    method: Name,
    ...args: CallArguments<Name>
  ): Promise<ResultOf<Name>> {
    const client = this.#client;
    if (client === undefined) {
      throw new CallError(`not connected: ${this.problem ?? "no reason"}`, "connection lost");
    }
    try {
      const result = await client.call(method, ...args);
      this.#heard();
      return result;
    } catch (error) {
      // A refusal is a sign of life.
      if (error instanceof AnswerError) this.#heard();
      throw error;
    }
  }

  /** Does what is due by now. Called by the pool's clock. */
  tick(now: number): void {
    if (this.#client === undefined) {
      if (now >= this.#connectAt) void this.#connect(now);
    } else if (now >= this.#pingAt && !this.#isPinging) {
      void this.#ping(now);
    }
    if (this.state !== "unavailable" && now - this.#heardAt >= this.times.unavailableMs) {
      this.state = "unavailable";
      const seconds = Math.round((now - this.#heardAt) / 1000);
      this.problem = this.#client === undefined
        ? this.problem ?? "not connected"
        : `connected, but no answer for ${seconds} s`;
      this.tell({ kind: "unavailable", agent: this, reason: this.problem });
    }
  }

  /** The socket has appeared anew: there is no reason to wait. */
  reconnectNow(): void {
    if (this.#client === undefined) this.#connectAt = 0;
  }

  /** TransferEnds the connection for good. */
  async end(): Promise<void> {
    this.#isGone = true;
    await this.#client?.close();
  }

  async #connect(now: number): Promise<void> {
    if (this.#isConnecting || this.#isGone) return;
    this.#isConnecting = true;
    this.#connectAt = now + this.times.reconnectMs * (1 + SPREAD * Math.random());
    try {
      const client = await AgentClient.connect(this.path, {
        maxLineBytes: MAX_LINE_BYTES,
        onNotification: (notification) => {
          if (this.#isGone) return;
          this.#heard();
          this.tell({ kind: "event", agent: this, notification });
        },
        onEnd: (why) => this.#lost(client, why),
      });
      if (this.#isGone) return await client.close();
      this.#client = client;
      this.tell({ kind: "connected", agent: this });
      await this.#describe(client);
    } catch (error) {
      if (this.state !== "ready") this.problem = messageOf(error);
    } finally {
      this.#isConnecting = false;
    }
  }

  #lost(client: AgentClient, why: CallError): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#pingAt = Number.POSITIVE_INFINITY;
    if (this.state === "ready") this.state = "connecting";
    this.problem = why.message;
  }

  async #describe(client: AgentClient): Promise<void> {
    const options = { timeoutMs: this.times.unavailableMs };
    const [info, system] = await Promise.allSettled([
      client.call("get_agent_info", {}, options),
      client.call("get_system_info", {}, options),
    ]);
    if (this.#isGone || this.#client !== client) return;
    // Agents that were found together are not pinged together.
    this.#pingAt = performance.now() + this.times.pingMs * Math.random();
    if (system.status === "fulfilled") this.system = system.value;
    if (info.status === "fulfilled") {
      this.info = info.value;
      this.#heard();
    } else if (info.reason instanceof AnswerError) {
      // Alive, and of a kind that does not describe itself.
      this.#heard();
    } else {
      this.problem = messageOf(info.reason);
    }
  }

  async #ping(now: number): Promise<void> {
    this.#isPinging = true;
    this.#pingAt = Math.max(this.#pingAt + this.times.pingMs, now);
    try {
      // Not given up before the agent counts as unavailable: in a channel that nobody reads, pings
      // would pile up.
      await this.call("ping", {}, { timeoutMs: this.times.unavailableMs });
      if (this.info === undefined && this.#client !== undefined) {
        await this.#describe(this.#client);
      }
    } catch {
      // It is heard of, or the clock tells that it is not.
    } finally {
      this.#isPinging = false;
    }
  }

  #heard(): void {
    this.#heardAt = performance.now();
    if (this.#isGone || this.#client === undefined || this.state === "ready") return;
    const wasUnavailable = this.state === "unavailable";
    this.state = "ready";
    this.problem = undefined;
    this.tell({ kind: wasUnavailable ? "recovered" : "ready", agent: this });
  }
}
