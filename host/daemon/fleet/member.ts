/**
 * The host as a member of a fleet: serves calls that come over NATS.
 *
 * @module
 */

import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { internalError, methodNotFound, RpcError } from "../../../lib/base/errors.ts";
import { messageOf } from "../../../lib/base/message_of.ts";
import { Aborted } from "../../../lib/base/waiting.ts";
import { VERSION } from "../../../lib/base/version.ts";
import { AnswerError } from "../../errors.ts";
import { Cancellation, type HostList, parseMessage, SignOfLife } from "../../fleet/messages.ts";
import { connectNats, type NatsAddress, warningAbout } from "../../fleet/nats.ts";
import { callsTo, cancelSubject, LIST_SUBJECTS, listedTenant } from "../../fleet/subjects.ts";
import { atMost, sleep } from "../../sleep.ts";
import { HostError, notOnThisHost } from "../errors.ts";
import type { Host } from "../host.ts";
import type { HostVm } from "../vm.ts";
import type { VmCalls } from "../vm_calls.ts";
import { type FleetCall, readCall } from "./call.ts";
import { EventPublisher, type EventSource } from "./event_publisher.ts";
import { Leases } from "./leases.ts";
import { Outcomes } from "./outcomes.ts";
import { Outflow } from "./outflow.ts";
import { tenantOf } from "./tenant.ts";

/** Where the host is known, and as what. */
export interface FleetOptions {
  readonly nats: NatsAddress;
  /** The host's name in subjects. */
  readonly hostName: string;
}

/** What the member shares with the daemon's local clients. */
export interface FleetServices {
  readonly host: Pick<Host, "find"> & EventSource;
  readonly calls: VmCalls<object>;
  readonly log: (level: "info" | "warn", message: string) => void;
}

const RETRY_MS = 2000;
/** VMs in one message of a list: far from the usual payload of 1 MiB. */
const LISTED_VMS = 500;
/** Of two daemons with one name, one gets a call. */
const QUEUE = "hostd";
/** Room for the headers and the subject. */
const MESSAGE_BYTES = 4096;

interface InFlight {
  readonly controller: AbortController;
  wasSent: boolean;
}

/** A connection to the fleet, kept up until it is disposed of. */
export class FleetMember implements AsyncDisposable {
  readonly #options: FleetOptions;
  readonly #services: FleetServices;
  readonly #epoch = crypto.randomUUID();
  readonly #outcomes = new Outcomes();
  readonly #leases = new Leases();
  readonly #events: EventPublisher;
  /** Calls under way by the ids that cancel them. */
  readonly #inFlight = new Map<string, Set<InFlight>>();
  /** Tenants take turns. */
  readonly #tenants = new Map<string, object>();
  readonly #stop = new AbortController();
  readonly #serving: Promise<void>;
  #nats: NatsConnection | undefined;
  #isEnding = false;
  #lastWarning: string | undefined;

  /** Joins as soon as a server can be reached. */
  constructor(options: FleetOptions, services: FleetServices) {
    this.#options = options;
    this.#services = services;
    const warn = (problem: string) => this.#warn(problem);
    this.#events = new EventPublisher(services.host, options.hostName, warn);
    this.#serving = this.#serve();
  }

  /** Answers what is under way, and leaves. The host's channels must be closed before. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#outcomes.unanswered);
    this.#leases[Symbol.dispose]();
    await this.#events[Symbol.asyncDispose]();
    this.#stop.abort();
    // An answer that cannot be sent must not keep the daemon.
    if (this.#nats?.isClosed() === false) await atMost(RETRY_MS, this.#nats.flush());
    await this.#nats?.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const { nats } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        const connection = await this.#connect();
        if (connection !== undefined) await this.#serveOn(connection);
      } catch (error) {
        this.#warn(`the fleet at ${nats.url} cannot be joined: ${messageOf(error)}`);
      }
      await sleep(RETRY_MS, this.#stop.signal);
    }
  }

  /** Connects; `undefined` as soon as the member leaves: a connection that then comes is closed. */
  async #connect(): Promise<NatsConnection | undefined> {
    const { nats, hostName } = this.#options;
    const connecting = connectNats(nats, `kvmmanager-hostd ${hostName}`);
    using leaving = new Aborted(this.#stop.signal);
    const connection = await Promise.race([connecting, leaving.happened]);
    if (connection !== undefined) return connection;
    void connecting.then((late) => late.close(), () => {});
    return undefined;
  }

  async #serveOn(connection: NatsConnection): Promise<void> {
    if (this.#stop.signal.aborted) return await connection.close();
    this.#nats = connection;
    const { hostName } = this.#options;
    const subscribe = (subject: string, serve: (message: Msg) => void, queue?: string) =>
      connection.subscribe(subject, {
        queue,
        callback: (error, message) =>
          error === null ? serve(message) : this.#warn(`${subject}: ${messageOf(error)}`),
      });
    const outflow = new Outflow(connection);
    const serve = (message: Msg) => void this.#onCall(connection, outflow, message);
    subscribe(callsTo(hostName), serve, QUEUE);
    subscribe(cancelSubject(hostName), (message) => this.#onCancel(message));
    this.#leases.resume();
    for (const subject of LIST_SUBJECTS) subscribe(subject, (message) => this.#onList(message));
    this.#services.log("info", `joined the fleet at ${connection.getServer()} as ${hostName}`);
    const warning = warningAbout(connection.info);
    if (warning !== undefined) this.#warn(warning);
    this.#events.serveOn(connection);
    for await (const status of connection.status()) {
      if (status.type === "disconnect") {
        this.#leases.pause();
        this.#warn("the connection to the fleet was lost");
      }
      if (status.type === "error") this.#warn(`the fleet's server: ${status.error.message}`);
      if (status.type === "reconnect") {
        this.#leases.resume();
        this.#lastWarning = undefined;
        this.#services.log("info", `joined the fleet again at ${connection.getServer()}`);
      }
    }
  }

  /** Tells of a problem once. */
  #warn(problem: string): void {
    if (problem !== this.#lastWarning) this.#services.log("warn", problem);
    this.#lastWarning = problem;
  }

  async #onCall(connection: NatsConnection, outflow: Outflow, message: Msg): Promise<void> {
    // Without a subject for the answer, nobody could be told what happened.
    if (message.reply === undefined || message.reply === "") return;
    const limit = (connection.info?.max_payload ?? 0) - MESSAGE_BYTES;
    const answer = await this.#outcomeOf(message, outflow, limit);
    try {
      message.respond(answer);
      outflow.sent(answer.byteLength);
    } catch {
      // The connection has ended: the client's next attempt gets the same answer.
    }
  }

  async #outcomeOf(message: Msg, outflow: Outflow, limit: number): Promise<Uint8Array> {
    try {
      const call = readCall(message, this.#options.hostName);
      const key = `${message.subject} ${call.id}`;
      if (call.attempt > 1) this.#requireMemory(call, key);
      if (this.#isEnding) {
        throw new HostError("noAgent", { reason: "the daemon is ending", was_sent: false });
      }
      return await this.#outcomes.of(key, call.deadline, async () => {
        try {
          return answerOf({ resultText: await this.#perform(call, outflow) }, limit);
        } catch (error) {
          return answerOf({ error: this.#explain(error) }, limit);
        }
      });
    } catch (error) {
      return answerOf({ error: this.#explain(error) }, limit);
    }
  }

  /** @throws {HostError} if an earlier attempt may have been made of which nothing is known. */
  #requireMemory({ epoch }: FleetCall, key: string): void {
    const problem = epoch !== this.#epoch
      ? "the daemon was restarted after the first attempt"
      : this.#outcomes.mayHaveForgotten(key)
      ? "the daemon no longer knows about the first attempt"
      : undefined;
    if (problem === undefined) return;
    const reason = `${problem}, which may have been carried out`;
    throw new HostError("outcomeUnknown", { reason, was_sent: true });
  }

  async #perform(call: FleetCall, outflow: Outflow): Promise<string> {
    const { method, params, tenant, id, deadline, client } = call;
    if (method === "rpc.cancel") throw methodNotFound(`cancel at ${cancelSubject("HOST")}`);
    const vm = this.#services.host.find(call.vm);
    if (vm.id !== call.vm || tenantOf(vm) !== tenant) {
      throw notOnThisHost(`no VM ${JSON.stringify(call.vm)} of ${tenant} on this host`);
    }
    const inFlight: InFlight = { controller: new AbortController(), wasSent: false };
    const { signal } = inFlight.controller;
    const timer = setTimeout(
      () => abort(inFlight, "its deadline has passed"),
      Math.max(0, deadline - Date.now()),
    );
    const lease = client === undefined ? undefined : this.#leases.hold(client, {
      end: () => abort(inFlight, "its client has gone"),
    });
    const sameId = this.#inFlight.get(id) ?? new Set();
    this.#inFlight.set(id, sameId.add(inFlight));
    try {
      const onSent = () => inFlight.wasSent = true;
      return await this.#services.calls.run(this.#tenant(tenant), {
        vm,
        method,
        params,
        signal,
        onSent,
        congestion: () => outflow.congestion,
      });
    } finally {
      clearTimeout(timer);
      lease?.[Symbol.dispose]();
      sameId.delete(inFlight);
      if (sameId.size === 0) this.#inFlight.delete(id);
    }
  }

  #tenant(name: string): object {
    const known = this.#tenants.get(name);
    if (known !== undefined) return known;
    const tenant = {};
    this.#tenants.set(name, tenant);
    return tenant;
  }

  #onCancel(message: Msg): void {
    const text = message.string();
    const sign = parseMessage(SignOfLife, text);
    if (sign !== undefined) return this.#leases.renew(sign.alive, sign.for_ms);
    const cancellation = parseMessage(Cancellation, text);
    for (const inFlight of this.#inFlight.get(cancellation?.id ?? "") ?? []) {
      abort(inFlight, "cancelled by the client");
    }
  }

  #onList(message: Msg): void {
    const tenant = listedTenant(message.subject);
    const vms = this.#services.host.vms.map(describe)
      .filter((vm) => tenant === undefined || vm.tenant === tenant);
    const parts = Math.max(1, Math.ceil(vms.length / LISTED_VMS));
    for (let part = 0; part < parts; part++) {
      const list: HostList = {
        host: this.#options.hostName,
        epoch: this.#epoch,
        version: VERSION,
        time: Date.now(),
        part,
        parts,
        vms: vms.slice(part * LISTED_VMS, (part + 1) * LISTED_VMS),
      };
      message.respond(JSON.stringify(list));
    }
  }

  #explain(error: unknown): unknown {
    if (error instanceof RpcError) return error.toWire();
    if (error instanceof AnswerError || error instanceof HostError) return error;
    this.#services.log("warn", `a bug: ${messageOf(error)}`);
    return internalError("internal error; see the daemon's log").toWire();
  }
}

const describe = (vm: HostVm) => ({
  id: vm.id,
  name: vm.name,
  tenant: tenantOf(vm),
  state: vm.agent.state,
  problem: vm.agent.problem,
  title: vm.domain?.title,
  domain_state: vm.domain?.state,
  labels: vm.domain?.labels ?? {},
});

function abort({ controller, wasSent }: InFlight, reason: string): void {
  controller.abort(
    new HostError(wasSent ? "outcomeUnknown" : "cancelled", { reason, was_sent: wasSent }),
  );
}

/** An answer that the server accepts. */
function answerOf(answer: { resultText: string } | { error: unknown }, limit: number): Uint8Array {
  const text = "resultText" in answer ? `{"result":${answer.resultText}}` : JSON.stringify(answer);
  const bytes = new TextEncoder().encode(text);
  if (bytes.byteLength <= limit) return bytes;
  const reason = `it was carried out, and its answer has ${bytes.byteLength} bytes: the fleet's ` +
    `servers accept ${limit} (max_payload)`;
  const error = new HostError("outcomeUnknown", { reason, was_sent: true });
  return new TextEncoder().encode(JSON.stringify({ error }));
}
