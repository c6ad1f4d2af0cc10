/**
 * A client of a fleet: lists its VMs and calls their agents.
 *
 * @module
 */

import { type Msg, type NatsConnection, NoRespondersError } from "@nats-io/transport-node";
import { ERRORS } from "../../lib/base/errors.ts";
import { messageOf } from "../../lib/base/message_of.ts";
import { AnswerError, CallError } from "../errors.ts";
import { atMost } from "../sleep.ts";
import { Attempts } from "./attempts.ts";
import { makeEventStream, readEvents } from "./event_stream.ts";
import type { EventsRead, KeptEvent } from "./events.ts";
import { CallAnswer, HostList, parseMessage } from "./messages.ts";
import { connectNats, type NatsAddress, warningAbout } from "./nats.ts";
import { Presence } from "./presence.ts";
import { cancelSubject, isMethodName, listSubject } from "./subjects.ts";

/** A VM of the fleet. */
export interface FleetVm {
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  readonly host: string;
  /** The daemon that listed it. */
  readonly epoch: string;
  /** As in the pool: `ready`, `connecting` or `unavailable`. */
  readonly state: string;
  readonly problem?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** All the hosts that say that they have it, if they are several: it cannot be called. */
  readonly claimedBy?: readonly string[] | undefined;
}

/** The VMs of a fleet, and what is wrong for a person. */
export interface FleetList {
  /** Sorted by name. */
  readonly vms: readonly FleetVm[];
  readonly problems: readonly string[];
}

/** How a call is made. */
export interface FleetCallOptions {
  /** Milliseconds to wait for the answer. */
  readonly timeoutMs: number;
  /** Ends the wait and cancels the call; the promise rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** How long hosts may take to answer a question for VMs, and the pause after which all have. */
const LIST_MS = { most: 3000, pause: 700 } as const;
const UUID_REGEXP = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Clocks that differ by more are told of. */
const CLOCK_MS = 5000;

/** A connection to a fleet. */
export class FleetClient implements AsyncDisposable {
  readonly #nats: NatsConnection;
  readonly #tenant: string | undefined;
  /** Called when the connection is there again. */
  readonly #onReconnect = new Set<() => void>();
  readonly #presence: Presence;

  private constructor(nats: NatsConnection, tenant: string | undefined, silentMs?: number) {
    this.#nats = nats;
    this.#tenant = tenant;
    this.#presence = new Presence((host, sign) => {
      if (!nats.isClosed()) nats.publish(cancelSubject(host), JSON.stringify(sign));
    }, silentMs);
    void this.#watch();
  }

  /**
   * Connects.
   *
   * @param tenant Whose VMs are listed; `undefined` for everybody's, which needs the permission.
   * @param silentMs After this many milliseconds of silence, hosts end this client's calls.
   *   @default {30000}
   * @throws {CallError} if there is no connection.
   * @throws {UsageError} if the credentials cannot be read.
   */
  static async connect(
    address: NatsAddress,
    tenant: string | undefined,
    silentMs?: number,
  ): Promise<FleetClient> {
    const connecting = connectNats(address, "kvmmanager-ctl");
    const nats = await connecting.catch((error) => {
      if (error instanceof Error && error.name === "UsageError") throw error;
      throw new CallError(`the fleet at ${address.url}: ${messageOf(error)}`, "not served");
    });
    return new FleetClient(nats, tenant, silentMs);
  }

  /** What a person should know of the server. */
  get warning(): string | undefined {
    return warningAbout(this.#nats.info);
  }

  /**
   * The VMs of all hosts that answer.
   *
   * @throws {CallError} if no host answers, or this user may not ask.
   */
  async list(): Promise<FleetList> {
    const { lists, clockProblems } = await this.#askHosts();
    const parts = new Map<
      string,
      { readonly host: string; readonly parts: number; seen: number }
    >();
    for (const { host, epoch, parts: all } of lists) {
      const known = parts.get(epoch) ?? { host, parts: all, seen: 0 };
      known.seen += 1;
      parts.set(epoch, known);
    }
    const hosts = [...parts.values()];
    const problems = [
      ...clockProblems,
      ...hosts.filter(({ parts, seen }) => seen < parts)
        .map(({ host }) => `${host} has not told all of its VMs`),
      ...repeated(hosts.map(({ host }) => host))
        .map((host) => `several daemons call themselves ${host}: give each its own --host-name`),
    ];
    const claims = new Map<string, string[]>();
    for (const { host, vms } of lists) {
      for (const { id } of vms) claims.set(id, [...claims.get(id) ?? [], host]);
    }
    const claimedBy = (id: string) => {
      const hosts = claims.get(id) ?? [];
      // Names are unique within a host only.
      return UUID_REGEXP.test(id) && hosts.length > 1 ? hosts.sort() : undefined;
    };
    for (const [id, hosts] of claims) {
      if (claimedBy(id) !== undefined) problems.push(`${hosts.join(" and ")} claim the VM ${id}`);
    }
    const vms = lists.flatMap(({ host, epoch, vms }) =>
      vms.map((vm) => ({ ...vm, host, epoch, claimedBy: claimedBy(vm.id) }))
    );
    return { vms: vms.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0), problems };
  }

  /**
   * Calls an agent, at most once: it is tried again only where the daemon is known not to have got
   * the request, or knows it again.
   *
   * @throws {AnswerError} The agent's or the daemon's error.
   * @throws {CallError} if there is no answer; `wasSent` says whether it may have been carried out.
   * @throws The signal's reason.
   */
  async call(
    vm: FleetVm,
    method: string,
    params: unknown,
    { timeoutMs, signal }: FleetCallOptions,
  ): Promise<unknown> {
    signal?.throwIfAborted();
    if (vm.claimedBy !== undefined) {
      const hosts = vm.claimedBy.join(" and ");
      throw new CallError(`${hosts} claim the VM ${vm.name} (${vm.id}): nothing is done`, "in use");
    }
    if (!isMethodName(method)) {
      const { code, message } = ERRORS.methodNotFound;
      throw new AnswerError(code, message, { reason: `no method "${method}"` });
    }
    const { id: client } = this.#presence;
    const call = new Attempts(this.#nats, vm, method, params, { timeoutMs, client });
    const onAbort = () => call.cancel(signal?.reason);
    const onReconnect = () => call.repeat();
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#onReconnect.add(onReconnect);
    const answer = call.answer();
    // Hosts know the clients of their calls only.
    const calling = this.#presence.calling(vm.host);
    try {
      return readAnswer(await answer);
    } finally {
      calling[Symbol.dispose]();
      this.#onReconnect.delete(onReconnect);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /**
   * Has the fleet's servers keep what happens to the VMs; does nothing if they do.
   *
   * @throws {CallError} if they cannot, or do not permit it.
   */
  keepEvents(): Promise<void> {
    return makeEventStream(this.#nats);
  }

  /**
   * What happened to the VMs, as the fleet's servers have kept it.
   *
   * @throws {CallError} if they keep nothing, or this user may not read it.
   */
  events(read: Omit<EventsRead, "tenant">): AsyncGenerator<KeptEvent> {
    return readEvents(this.#nats, { ...read, tenant: this.#tenant }, (listener) => {
      this.#onReconnect.add(listener);
      return { [Symbol.dispose]: () => void this.#onReconnect.delete(listener) };
    });
  }

  /** Sends what is waiting to be sent, and disconnects. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#nats.isClosed()) await atMost(LIST_MS.pause, this.#nats.flush());
    await this.#nats.close();
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.#nats.status()) {
      if (type === "reconnect") { for (const listener of [...this.#onReconnect]) listener(); }
    }
  }

  async #askHosts(): Promise<{ lists: HostList[]; clockProblems: string[] }> {
    const lists: HostList[] = [];
    const clockProblems = new Set<string>();
    const start = Date.now();
    try {
      const answers = await this.#nats.requestMany(listSubject(this.#tenant), "", {
        strategy: "stall",
        maxWait: LIST_MS.most,
        stall: LIST_MS.pause,
      });
      for await (const answer of answers) {
        const list = parseMessage(HostList, answer.string());
        if (list === undefined) continue;
        lists.push(list);
        const offMs = list.time < start ? list.time - start : Math.max(0, list.time - Date.now());
        if (Math.abs(offMs) > CLOCK_MS) {
          const seconds = (Math.abs(offMs) / 1000).toFixed(0);
          const way = offMs < 0 ? "behind" : "ahead";
          clockProblems.add(`the clock of ${list.host} is ${seconds} s ${way} this machine's`);
        }
      }
    } catch (error) {
      if (!(error instanceof NoRespondersError)) {
        const reason = `the fleet's hosts cannot be asked: ${messageOf(error)}`;
        throw new CallError(reason, "permission denied");
      }
    }
    if (lists.length === 0) throw new CallError("no host of the fleet answers", "not served");
    return { lists, clockProblems: [...clockProblems] };
  }
}

function readAnswer(message: Msg): unknown {
  const answer = parseMessage(CallAnswer, message.string());
  if (answer === undefined) {
    throw new CallError("the daemon's answer is invalid", "invalid result", true);
  }
  const { error, result } = answer;
  if (error === undefined) return result;
  throw new AnswerError(error.code, error.message, error.data);
}

/** What is there more than once. */
function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
