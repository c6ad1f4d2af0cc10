/**
 * The stream in which the fleet's servers keep the events of all VMs: how it is made, and reading it.
 *
 * It uses JetStream's interface of messages (NATS, ADR-31 and "JetStream wire API reference"), which
 * is all that a library would do here.
 *
 * @module
 */

import { type Msg, type NatsConnection, NoRespondersError } from "@nats-io/transport-node";
import * as z from "zod";
import { messageOf } from "../../lib/base/message_of.ts";
import { Timer } from "../../lib/base/timer.ts";
import { Aborted } from "../../lib/base/waiting.ts";
import { CallError } from "../errors.ts";
import { sleep } from "../sleep.ts";
import { cursorAt, type EventsRead, type KeptEvent, numberOf, StreamEvent } from "./events.ts";
import { parseMessage } from "./messages.ts";
import { eventsOf, readEventSubject } from "./subjects.ts";

const STREAM = "KVM_EVENTS";
const API = "$JS.API";
const TIMEOUT_MS = 5000;
const NS_PER_MS = 1_000_000;
const DAY_MS = 24 * 3600 * 1000;
/** What is kept: the oldest events make room. */
const KEPT = { ageMs: 7 * DAY_MS, perSubject: 1000, bytes: 1024 * 1024 * 1024 } as const;
/** Within it, an event that a daemon sends twice is kept once. */
const DUPLICATES_MS = 120_000;
const REPLICAS = 3;
/** The servers' code for a stream that would need more servers than there are. */
const NO_PEERS = [10_005, 10_074];
const BATCH = 200;
const WAIT_MS = 20_000;
/** While there is nothing to send, a server says so this often … */
const HEARTBEAT_MS = 2000;
/** … and is taken for lost after this long without a word. */
const SILENCE_MS = 3 * HEARTBEAT_MS;
const RETRY_MS = 1000;
/** The status of a heartbeat. */
const ALIVE = 100;
/** Statuses of a consumer that is no longer there. */
const GONE = 409;
const UNAVAILABLE = 503;
/** A reader that has gone is forgotten. */
const INACTIVE_MS = 60_000;

/** An answer of the servers; to a request for a consumer, it says where the stream was then. */
const ApiAnswer = z.looseObject({
  delivered: z.optional(z.looseObject({ stream_seq: z.int() })),
  error: z.optional(z.looseObject({
    code: z.number(),
    err_code: z.optional(z.number()),
    description: z.optional(z.string()),
  })),
});

type ApiAnswer = z.output<typeof ApiAnswer>;

/**
 * Makes the stream, on three servers if there are as many; one that is there already stays as it is.
 *
 * @throws {CallError} if the servers cannot, or do not permit it.
 */
export async function makeEventStream(nats: NatsConnection): Promise<void> {
  const config = (replicas: number) => ({
    name: STREAM,
    subjects: [eventsOf()],
    retention: "limits",
    discard: "old",
    storage: "file",
    max_age: KEPT.ageMs * NS_PER_MS,
    max_msgs_per_subject: KEPT.perSubject,
    max_bytes: KEPT.bytes,
    duplicate_window: DUPLICATES_MS * NS_PER_MS,
    num_replicas: replicas,
  });
  const create = (replicas: number) =>
    ask(nats, `${API}.STREAM.CREATE.${STREAM}`, config(replicas));
  const existing = await ask(nats, `${API}.STREAM.INFO.${STREAM}`, {});
  if (existing.error === undefined) return;
  const wanted = nats.info?.cluster === undefined ? 1 : REPLICAS;
  let made = await create(wanted);
  if (wanted > 1 && NO_PEERS.includes(made.error?.err_code ?? 0)) made = await create(1);
  if (made.error !== undefined) throw refused(made);
}

/**
 * Reads the stream.
 *
 * @param onReconnect Calls a listener whenever the connection is there again.
 * @throws {CallError} if there is none, or it may not be read.
 */
export async function* readEvents(
  nats: NatsConnection,
  { tenant, since, isFollowed, signal }: EventsRead,
  onReconnect: (listener: () => void) => Disposable,
): AsyncGenerator<KeptEvent> {
  let lost = new AbortController();
  const listening = onReconnect(() => lost.abort());
  using _listening = listening;
  const start = since === undefined ? undefined : numberOf(since);
  let consumer: Consumer | undefined = await makeConsumer(nats, tenant, start);
  let { next } = consumer;
  while (!signal.aborted) {
    try {
      // After a server's end, another one goes on where this one was.
      consumer ??= await makeConsumer(nats, tenant, next);
      let isAtEnd = true;
      const ending = AbortSignal.any([signal, lost.signal]);
      for await (const message of pull(nats, consumer.name, isFollowed, ending)) {
        const code = message.headers?.code ?? 0;
        if (code === ALIVE) continue;
        if (code === GONE || code === UNAVAILABLE) throw connectionLost();
        if (code !== 0) break;
        const read = readMessage(message);
        if (read === undefined) continue;
        isAtEnd = false;
        next = read.next;
        yield read.kept;
      }
      if (lost.signal.aborted) throw connectionLost();
      if (isAtEnd && !isFollowed) return;
    } catch (error) {
      if (!isFollowed) throw error;
      lost = new AbortController();
      // Not used again: a server that comes back may begin anew with it, and tell events twice.
      consumer = undefined;
      await sleep(RETRY_MS, signal);
    }
  }
}

const connectionLost = () =>
  new CallError("the connection to the fleet's servers was lost", "connection lost");

interface Consumer {
  readonly name: string;
  /** The number of the first message that it has not read. */
  readonly next: number;
}

async function makeConsumer(
  nats: NatsConnection,
  tenant: string | undefined,
  next: number | undefined,
): Promise<Consumer> {
  const name = crypto.randomUUID();
  const filter = eventsOf(tenant);
  const made = await ask(nats, `${API}.CONSUMER.CREATE.${STREAM}.${name}.${filter}`, {
    stream_name: STREAM,
    config: {
      name,
      filter_subject: filter,
      ack_policy: "none",
      replay_policy: "instant",
      mem_storage: true,
      inactive_threshold: INACTIVE_MS * NS_PER_MS,
      ...next === undefined
        ? { deliver_policy: "new" }
        : { deliver_policy: "by_start_sequence", opt_start_seq: next },
    },
  });
  if (made.error !== undefined) throw refused(made);
  return { name, next: next ?? (made.delivered?.stream_seq ?? 0) + 1 };
}

/**
 * The next messages and heartbeats; ends with the signal.
 *
 * @throws {CallError} if the servers are silent.
 */
async function* pull(
  nats: NatsConnection,
  consumer: string,
  isFollowed: boolean,
  signal: AbortSignal,
): AsyncGenerator<Msg> {
  const wanted = isFollowed
    ? { batch: BATCH, expires: WAIT_MS * NS_PER_MS, idle_heartbeat: HEARTBEAT_MS * NS_PER_MS }
    : { batch: BATCH, no_wait: true };
  const subject = `${API}.CONSUMER.MSG.NEXT.${STREAM}.${consumer}`;
  const messages = await nats.requestMany(subject, JSON.stringify(wanted), {
    strategy: "count",
    maxMessages: BATCH,
    maxWait: WAIT_MS + TIMEOUT_MS,
    // Messages of a stream keep their own subjects.
    noMux: true,
  });
  const iterator = messages[Symbol.asyncIterator]();
  using aborted = new Aborted(signal);
  const { happened } = aborted;
  for (;;) {
    const { promise: silent, reject } = Promise.withResolvers<never>();
    using _silence = new Timer(SILENCE_MS, () => reject(connectionLost()));
    const step = await Promise.race([iterator.next(), happened, silent]);
    if (step === undefined || step.done === true) return;
    yield step.value;
  }
}

/** The stream's number of a message is in the subject for its acknowledgement. */
function readMessage(message: Msg): { kept: KeptEvent; next: number } | undefined {
  const address = readEventSubject(message.subject);
  const event = parseMessage(StreamEvent, message.string());
  const tokens = message.reply?.split(".") ?? [];
  // Servers that know domains put two more tokens in front.
  const seq = Number(tokens.length > 9 ? tokens[7] : tokens[5]);
  if (address === undefined || event === undefined || !Number.isSafeInteger(seq)) return undefined;
  const { host, tenant } = address;
  return { kept: { host, tenant, event, cursor: cursorAt(seq + 1) }, next: seq + 1 };
}

async function ask(
  nats: NatsConnection,
  subject: string,
  payload: unknown,
): Promise<ApiAnswer> {
  try {
    const answer = await nats.request(subject, JSON.stringify(payload), { timeout: TIMEOUT_MS });
    return parseMessage(ApiAnswer, answer.string()) ?? { error: { code: 500 } };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    if (cause instanceof NoRespondersError) {
      throw new CallError("the fleet's servers do not run JetStream", "not served");
    }
    throw new CallError(`the fleet's servers: ${messageOf(error)}`, "permission denied");
  }
}

function refused({ error }: ApiAnswer): CallError {
  const reason = error?.code === 404
    ? "the fleet's servers keep no events; an operator makes the stream with " +
      "kvmmanager-ctl events --keep"
    : `the fleet's servers: ${error?.description ?? `error ${error?.code}`}`;
  return new CallError(reason, "not served");
}
