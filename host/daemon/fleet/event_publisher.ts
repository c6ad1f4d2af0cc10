/**
 * Sends what happens to the VMs to the fleet's servers, which acknowledge what they have kept: each
 * event at least once, as long as the daemon's own journal has it.
 *
 * @module
 */

import { headers, type NatsConnection, NoRespondersError } from "@nats-io/transport-node";
import * as z from "zod";
import { messageOf } from "../../../lib/base/message_of.ts";
import { parseMessage } from "../../fleet/messages.ts";
import { eventSubject } from "../../fleet/subjects.ts";
import { sleep } from "../../sleep.ts";
import type { Host } from "../host.ts";
import type { JournalEvent } from "../journal.ts";
import { tenantOf } from "./tenant.ts";

/** What it needs of the host. */
export type EventSource = Pick<Host, "journal" | "vms" | "listen">;

const WAIT_SECONDS = 60;
/** Events that wait for their acknowledgement at a time. */
const BATCH = 64;
const ACK_MS = 5000;
const RETRY_MS = 1000;
/** Without a stream, events stay in the daemon's journal, from where one that is made later gets them. */
const NO_STREAM_MS = 10_000;
/** The headers and the subject count too. */
const MESSAGE_BYTES = 4096;

/** The answer of the servers. */
const Acknowledgement = z.looseObject({
  stream: z.optional(z.string()),
  error: z.optional(z.looseObject({ description: z.optional(z.string()) })),
});

/** Sends the events of a host until it is disposed of. */
export class EventPublisher implements AsyncDisposable {
  readonly #source: EventSource;
  readonly #host: string;
  readonly #warn: (problem: string) => void;
  readonly #tenants = new Map<string, string>();
  readonly #listening: Disposable;
  readonly #stop = new AbortController();
  #cursor: string | undefined;
  /** Whether the last events were kept: otherwise one is enough to find out. */
  #isKept = true;
  #sending: Promise<void> = Promise.resolve();

  /** @param warn Called with what a person should know. */
  constructor(source: EventSource, host: string, warn: (problem: string) => void) {
    this.#source = source;
    this.#host = host;
    this.#warn = warn;
    // One that has gone can no longer be asked for its tenant.
    this.#listening = source.listen((vm) => this.#tenants.set(vm.id, tenantOf(vm)));
    for (const vm of source.vms) this.#tenants.set(vm.id, tenantOf(vm));
  }

  /** Sends over this connection, until it is closed for good. */
  serveOn(connection: NatsConnection): void {
    this.#sending = this.#sending.then(() => this.#send(connection));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening[Symbol.dispose]();
    this.#stop.abort();
    await this.#sending;
  }

  async #send(connection: NatsConnection): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted && !connection.isClosed()) {
      try {
        const page = await this.#source.journal.read({
          cursor: this.#cursor,
          waitSeconds: WAIT_SECONDS,
          maxEvents: this.#isKept ? BATCH : 1,
        }, signal);
        if (page.gap?.lost !== undefined) this.#warn(`${page.gap.lost} events were not kept`);
        const pausesMs = await Promise.all(
          page.events.map((event) => this.#publish(connection, event)),
        );
        const pauseMs = Math.max(0, ...pausesMs);
        this.#isKept = pauseMs === 0;
        // What was acknowledged and is sent again has the same id: it is kept once.
        if (!this.#isKept) await sleep(pauseMs, signal);
        else this.#done(page.events, page.cursor);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
    }
  }

  #done(events: readonly JournalEvent[], cursor: string): void {
    this.#cursor = cursor;
    for (const { event, vm } of events) {
      if (event === "gone" && this.#source.vms.every(({ id }) => id !== vm)) {
        this.#tenants.delete(vm);
      }
    }
  }

  /** Returns how long to wait before it is sent again; 0 if it is kept, or never can be. */
  async #publish(connection: NatsConnection, event: JournalEvent): Promise<number> {
    const tenant = this.#tenants.get(event.vm);
    if (tenant === undefined) return 0;
    const address = { host: this.#host, tenant, vm: event.vm, event: event.event };
    const fields = headers();
    fields.set("Nats-Msg-Id", `${this.#source.journal.epoch}.${event.seq}`);
    const payload = payloadOf(event, (connection.info?.max_payload ?? 0) - MESSAGE_BYTES);
    try {
      const options = { timeout: ACK_MS, headers: fields };
      const answer = await connection.request(eventSubject(address), payload, options);
      const { stream, error } = parseMessage(Acknowledgement, answer.string()) ?? {};
      if (stream !== undefined && error === undefined) return 0;
      this.#warn(`the fleet's servers do not keep events: ${error?.description ?? "no stream"}`);
      return NO_STREAM_MS;
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      // Nobody wants events.
      if (cause instanceof NoRespondersError) return NO_STREAM_MS;
      if (!isTimeout(error)) this.#warn(`an event cannot be sent: ${messageOf(error)}`);
      return isTimeout(error) ? RETRY_MS : NO_STREAM_MS;
    }
  }
}

/** An event as JSON; what an agent has sent that is too large is left out. */
function payloadOf(event: JournalEvent, limit: number): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(event));
  if (bytes.byteLength <= limit) return bytes;
  const { params: _params, ...rest } = event;
  const told = { ...rest, omitted: `params: the event has ${bytes.byteLength} bytes` };
  return new TextEncoder().encode(JSON.stringify(told));
}

const isTimeout = (error: unknown) => error instanceof Error && error.name === "TimeoutError";
