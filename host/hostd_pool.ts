/**
 * The VMs of a host as the daemon sees them, over one connection.
 *
 * @module
 */

import type { AgentChannel } from "./channels.ts";
import type { AgentClient, CallArguments, CallOptions } from "./client.ts";
import { isFailedCall } from "./errors.ts";
import { channelOf, HostdClient, type HostdVm } from "./hostd_client.ts";
import type { AgentState, PoolAgent, PoolEvent } from "./member.ts";
import { checkedResult, type MethodName, type ResultOf } from "./protocol.ts";
import { sleep } from "./sleep.ts";

/** How long the daemon waits for something to happen in each call. */
const WAIT_SECONDS = 30;
const RETRY_MS = 1000;
const LOST = "the connection to the daemon was lost";

/** Agents that the daemon owns. It reconnects if the daemon is restarted. */
export class HostdPool implements AsyncDisposable {
  readonly #socket: string;
  readonly #only: string | undefined;
  readonly #listener: (event: PoolEvent) => void;
  readonly #agents = new Map<string, HostdAgent>();
  readonly #stop = new AbortController();
  #hostd: HostdClient;
  #watching: Promise<void> = Promise.resolve();

  private constructor(
    hostd: HostdClient,
    socket: string,
    only: string | undefined,
    listener: (event: PoolEvent) => void,
  ) {
    this.#hostd = hostd;
    this.#socket = socket;
    this.#only = only;
    this.#listener = listener;
  }

  /**
   * Connects to the daemon.
   *
   * @param only The socket of the one VM that is wanted. Without it, all.
   * @param listener Called with every event.
   * @throws {CallError} if it is not served.
   */
  static async open(
    socket: string,
    only: string | undefined,
    listener: (event: PoolEvent) => void,
  ): Promise<HostdPool> {
    const pool = new HostdPool(await HostdClient.connect(socket), socket, only, listener);
    const cursor = await pool.#update();
    pool.#watching = pool.#watch(cursor);
    return pool;
  }

  /** The agents, sorted by name. */
  get agents(): readonly PoolAgent[] {
    return [...this.#agents.values()].sort((a, b) => a.name < b.name ? -1 : 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#hostd[Symbol.asyncDispose]();
    await this.#watching;
  }

  async #watch(first: string): Promise<void> {
    const { signal } = this.#stop;
    let cursor: string | undefined = first;
    while (!signal.aborted) {
      try {
        cursor ??= await this.#update();
        const read = await this.#hostd.watch(cursor, WAIT_SECONDS, signal);
        const before = new Map(this.#agents);
        if (read.events.some(({ event }) => event !== "notification")) await this.#list();
        for (const event of read.events) this.#passOn(event, before);
        ({ cursor } = read);
      } catch (error) {
        if (signal.aborted) return;
        if (!isFailedCall(error)) throw error;
        cursor = undefined;
        this.#loseAll();
        await sleep(RETRY_MS, signal);
        await this.#reconnect();
      }
    }
  }

  async #reconnect(): Promise<void> {
    if (this.#hostd.client.ended === undefined || this.#stop.signal.aborted) return;
    try {
      this.#hostd = await HostdClient.connect(this.#socket);
      if (this.#stop.signal.aborted) await this.#hostd[Symbol.asyncDispose]();
    } catch {
      // It is tried again.
    }
  }

  /** Lists the VMs and tells how each is; returns the cursor of the list. */
  async #update(): Promise<string> {
    const before = new Map(this.#agents);
    const cursor = await this.#list();
    for (const [id, agent] of before) {
      if (!this.#agents.has(id)) this.#listener({ kind: "gone", agent });
    }
    for (const agent of this.#agents.values()) {
      if (agent.state === "ready") {
        this.#tell(agent, { event: "connected" });
        this.#tell(agent, { event: "ready" });
      } else if (agent.state === "unavailable") {
        this.#tell(agent, { event: "unavailable", reason: agent.problem });
      }
    }
    return cursor;
  }

  async #list(): Promise<string> {
    const { vms, cursor } = await this.#hostd.list();
    const wanted = vms.filter(({ socket }) => this.#only === undefined || socket === this.#only);
    const found = new Set(wanted.map(({ id }) => id));
    for (const id of this.#agents.keys()) {
      if (!found.has(id)) this.#agents.delete(id);
    }
    for (const vm of wanted) {
      const agent = this.#agents.get(vm.id) ??
        new HostdAgent(channelOf(vm, this.#socket), () => this.#hostd.client);
      agent.update(vm);
      this.#agents.set(vm.id, agent);
    }
    return cursor;
  }

  #passOn(happened: Happened & { readonly vm: string }, before: ReadonlyMap<string, HostdAgent>) {
    const agent = this.#agents.get(happened.vm) ?? before.get(happened.vm);
    if (agent !== undefined) this.#tell(agent, happened);
  }

  /** Tells of an event; one that a list has told of already is left out. */
  #tell(agent: HostdAgent, { event, reason = "", method, params }: Happened): void {
    if (event === "gone" || event === "connected" && agent.told !== "ready") {
      this.#listener({ kind: event, agent });
    }
    if (event === "notification" && method !== undefined) {
      this.#listener({ kind: "event", agent, notification: { method, params } });
    }
    if (event !== "ready" && event !== "unavailable" || event === agent.told) return;
    agent.told = event;
    this.#listener(event === "ready" ? { kind: event, agent } : { kind: event, agent, reason });
  }

  #loseAll(): void {
    for (const agent of this.#agents.values()) {
      agent.state = "unavailable";
      agent.problem = LOST;
      this.#tell(agent, { event: "unavailable", reason: LOST });
    }
  }
}

/** What happened to an agent. */
interface Happened {
  readonly event: string;
  readonly reason?: string | undefined;
  readonly method?: string | undefined;
  readonly params?: unknown;
}

/** An agent that is reached through the daemon. */
class HostdAgent implements PoolAgent {
  state: AgentState = "connecting";
  problem: string | undefined = "not connected yet";
  info: ResultOf<"get_agent_info"> | undefined;
  system: ResultOf<"get_system_info"> | undefined;
  /** What the listener was told last. */
  told: "ready" | "unavailable" | undefined;
  /** Known to the daemon only. */
  readonly skipped = 0;

  constructor(readonly channel: AgentChannel, readonly client: () => AgentClient) {}

  get name(): string {
    return this.channel.name;
  }

  get path(): string {
    return this.channel.path;
  }

  update({ state, problem, info, system }: HostdVm): void {
    Object.assign(this, { state, problem, info, system });
  }

  async call<Name extends MethodName>(
    method: Name,
    ...[params, options]: CallArguments<Name>
  ): Promise<ResultOf<Name>> {
    return checkedResult(method, await this.callUnchecked(method, params, options));
  }

  callUnchecked(method: string, params?: unknown, options?: CallOptions): Promise<unknown> {
    return this.client().callUnchecked(method, params, { ...options, vm: this.path });
  }

  callForText(method: string, params?: unknown, options?: CallOptions): Promise<string> {
    return this.client().callForText(method, params, { ...options, vm: this.path });
  }
}
