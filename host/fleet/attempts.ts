/**
 * One call over NATS, carried out at most once: its attempts have one id, and whoever gets a second
 * one knows whether it got the first.
 *
 * @module
 */

import {
  headers,
  type Msg,
  type NatsConnection,
  NoRespondersError,
  PermissionViolationError,
} from "@nats-io/transport-node";
import { messageOf } from "../../lib/base/message_of.ts";
import { CallError, type CallErrorReason } from "../errors.ts";
import { sleep } from "../sleep.ts";
import { HEADERS } from "./messages.ts";
import { callSubject, cancelSubject } from "./subjects.ts";

/** How long a daemon may be away that is being restarted. */
const AWAY_MS = 5000;
const RETRY_MS = 250;
/**
 * The pause before an unanswered call is sent again, which doubles: the answer is lost if the daemon's
 * server is, and the daemon remembers it.
 */
const REPEAT_MS = { first: 2000, most: 60_000 } as const;
/** The headers and the subject count too. */
const MESSAGE_BYTES = 4096;

/** Which VM is called, and the daemon that listed it. */
export interface CalledVm {
  readonly host: string;
  readonly tenant: string;
  readonly id: string;
  readonly epoch: string;
}

/** A call and its attempts. */
export class Attempts {
  readonly #id = crypto.randomUUID();
  readonly #client: string;
  readonly #deadline: number;
  readonly #payload: Uint8Array;
  readonly #answer = Promise.withResolvers<Msg>();
  readonly #startedAt = performance.now();
  /** Since when nobody gets it, and when that was known last. */
  #away: { readonly since: number; at: number } | undefined;
  #attempt = 0;
  /** Whether a daemon may have got it. */
  #mayHaveArrived = false;
  readonly #over = new AbortController();

  constructor(
    private readonly nats: NatsConnection,
    private readonly vm: CalledVm,
    private readonly method: string,
    params: unknown,
    { timeoutMs, client }: { readonly timeoutMs: number; readonly client: string },
  ) {
    this.#client = client;
    this.#deadline = Date.now() + timeoutMs;
    this.#payload = new TextEncoder().encode(params === undefined ? "" : JSON.stringify(params));
  }

  /** The answer of the first attempt that gets one. */
  async answer(): Promise<Msg> {
    const limit = (this.nats.info?.max_payload ?? 0) - MESSAGE_BYTES;
    if (this.#payload.byteLength > limit) {
      throw new CallError(
        `the request has ${this.#payload.byteLength} bytes; the fleet's servers accept ${limit}`,
        "closed",
      );
    }
    const timer = setTimeout(() => this.#giveUp(), this.#deadline - Date.now());
    try {
      this.repeat();
      void this.#repeatUntilAnswered();
      return await this.#answer.promise;
    } finally {
      this.#over.abort();
      clearTimeout(timer);
    }
  }

  /** Sends it again: the daemon knows its id. */
  repeat(): void {
    const leftMs = this.#deadline - Date.now();
    if (this.#over.signal.aborted || leftMs <= 0) return;
    this.#attempt += 1;
    const fields = headers();
    fields.set(HEADERS.deadline, String(this.#deadline));
    fields.set(HEADERS.requestId, this.#id);
    fields.set(HEADERS.epoch, this.vm.epoch);
    fields.set(HEADERS.client, this.#client);
    // Where nothing has arrived, this is the first attempt for whoever gets it.
    fields.set(HEADERS.attempt, String(this.#mayHaveArrived ? this.#attempt : 1));
    const hadArrived = this.#mayHaveArrived;
    this.#mayHaveArrived = true;
    const subject = callSubject({ ...this.vm, vm: this.vm.id, method: this.method });
    this.nats.request(subject, this.#payload, { timeout: leftMs, headers: fields }).then(
      (message) => this.#answer.resolve(message),
      (error) => void this.#onFailure(error, hadArrived),
    );
  }

  /** Ends the wait, and asks the daemon to stop the work. */
  cancel(reason: unknown): void {
    if (this.#over.signal.aborted) return;
    try {
      this.nats.publish(cancelSubject(this.vm.host), JSON.stringify({ id: this.#id }));
    } catch {
      // The connection has ended.
    }
    this.#answer.reject(reason);
  }

  async #repeatUntilAnswered(): Promise<void> {
    let pauseMs: number = REPEAT_MS.first;
    while (await sleep(pauseMs, this.#over.signal)) {
      pauseMs = Math.min(2 * pauseMs, REPEAT_MS.most);
      if (performance.now() - (this.#away?.at ?? 0) < 2 * RETRY_MS) continue;
      this.#away = undefined;
      this.repeat();
    }
  }

  async #onFailure(error: unknown, hadArrived: boolean): Promise<void> {
    if (this.#over.signal.aborted) return;
    if (isWithoutResponder(error)) {
      // This attempt has reached nobody.
      this.#mayHaveArrived = hadArrived;
      const now = performance.now();
      this.#away = { since: this.#away?.since ?? now, at: now };
      if (now - this.#away.since < AWAY_MS) {
        await sleep(RETRY_MS, this.#over.signal);
        return this.repeat();
      }
      const reason = `the daemon of ${this.vm.host} is not connected to the fleet`;
      return this.#answer.reject(this.#failure(reason));
    }
    if (isTimeout(error)) return;
    if (isRefused(error)) {
      this.#mayHaveArrived = hadArrived;
      const reason = `the fleet's server does not permit ${this.method} here`;
      return this.#answer.reject(this.#failure(reason, "permission denied"));
    }
    this.#answer.reject(this.#failure(messageOf(error)));
  }

  #giveUp(): void {
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(1);
    this.#answer.reject(this.#failure(`no answer to ${this.method} within ${seconds} s`));
  }

  #failure(reason: string, kind: CallErrorReason = "connection lost"): CallError {
    const fate = this.#mayHaveArrived
      ? "it may have been carried out"
      : "it has not been carried out";
    return new CallError(`${reason}; ${fate}`, kind, this.#mayHaveArrived);
  }
}

/** The library wraps some errors. */
const causeOf = (error: unknown) =>
  error instanceof Error && error.cause instanceof Error ? error.cause : error;
const isWithoutResponder = (error: unknown) => causeOf(error) instanceof NoRespondersError;
const isRefused = (error: unknown) => causeOf(error) instanceof PermissionViolationError;

/** Its own timer tells of it. */
const isTimeout = (error: unknown) => error instanceof Error && error.name === "TimeoutError";
