/**
 * The calls of one connection that have no answer yet, and the answers that end them.
 *
 * @module
 */

import { CallError } from "./errors.ts";
import { type Notification, readIncoming, splitAnswer } from "./incoming.ts";

const MAX_CALLS_IN_FLIGHT = 1000;

/** A call's result. */
export interface CallResult {
  readonly result: unknown;
  /** Its JSON, if the answer came in the usual form. */
  readonly text?: string;
}

/** One call. */
export class PendingCall {
  readonly id: string;
  readonly #method: string;
  readonly #settled = Promise.withResolvers<CallResult>();
  /** When its writing started, in milliseconds of `performance.now()`. */
  #sentAt: number | undefined;

  constructor(id: string, method: string) {
    this.id = id;
    this.#method = method;
  }

  /** Resolves to the result; rejects with the error answer, or with what {@link fail} was given. */
  get answer(): Promise<CallResult> {
    return this.#settled.promise;
  }

  /** Whether its request has begun to be written: from then on it may be carried out. */
  get wasSent(): boolean {
    return this.#sentAt !== undefined;
  }

  /** Notes that its request begins to be written. */
  markSent(): void {
    this.#sentAt = performance.now();
  }

  succeed(result: CallResult): void {
    this.#settled.resolve(result);
  }

  fail(reason: unknown): void {
    this.#settled.reject(reason);
  }

  /** Fails because the connection has ended, saying what is known about the request. */
  lose(why: CallError): void {
    this.fail(new CallError(this.#fate(why), why.reason, this.wasSent));
  }

  /** The error of a call that has not been answered within this time. */
  lateError(timeoutMs: number): CallError {
    const what = `no answer to ${this.#method} within ${timeoutMs / 1000} s`;
    return this.wasSent
      ? new CallError(what, "timeout", true)
      : new CallError(`${what}: the agent is not reading its requests`, "timeout");
  }

  #fate(why: CallError): string {
    if (this.#sentAt === undefined) return `${why.message}; ${this.#method} had not been sent yet`;
    const seconds = ((performance.now() - this.#sentAt) / 1000).toFixed(1);
    return `${why.message}; ${this.#method} was sent ${seconds} s earlier and may have been carried out`;
  }
}

/**
 * All calls of a connection. Answers are matched by ids that no other connection uses, so one meant
 * for another client, or for an earlier connection, is never mistaken for ours.
 */
export class CallsInFlight {
  readonly #calls = new Map<string, PendingCall>();
  readonly #prefix = crypto.randomUUID();
  #count = 0;

  /**
   * Begins a call, which {@link end} must end.
   *
   * @throws {CallError} if too many have no answer yet.
   */
  begin(method: string): PendingCall {
    if (this.#calls.size >= MAX_CALLS_IN_FLIGHT) {
      throw new CallError(`${MAX_CALLS_IN_FLIGHT} calls to this agent are in flight`, "timeout");
    }
    const call = new PendingCall(`${this.#prefix}/${++this.#count}`, method);
    this.#calls.set(call.id, call);
    return call;
  }

  /** Forgets a call: an answer to it is foreign from now on. */
  end({ id }: PendingCall): void {
    this.#calls.delete(id);
  }

  /** Fails all calls because the connection has ended. */
  lose(why: CallError): void {
    for (const call of this.#calls.values()) call.lose(why);
  }

  /**
   * Takes a line from the agent and settles the call that it answers. A second answer with the same
   * id is foreign.
   */
  receive(line: string): "answer" | "foreign" | Notification {
    if (this.#receivePlain(line)) return "answer";
    const incoming = readIncoming(line);
    if (incoming.kind === "notification") return incoming.notification;
    const call = incoming.kind === "answer" ? this.#calls.get(incoming.id) : undefined;
    if (incoming.kind === "foreign" || call === undefined) return "foreign";
    this.end(call);
    if (incoming.error === undefined) call.succeed({ result: incoming.result });
    else call.fail(incoming.error);
    return "answer";
  }

  /** Receives an answer in the usual form; returns whether it was one. */
  #receivePlain(line: string): boolean {
    const answer = splitAnswer(line);
    // Our ids have no characters that JSON escapes.
    const call = answer && this.#calls.get(answer.id);
    if (answer === undefined || call === undefined) return false;
    const { resultText } = answer;
    let result: unknown;
    try {
      result = JSON.parse(resultText);
    } catch {
      return false;
    }
    this.end(call);
    call.succeed({ result, text: resultText });
    return true;
  }
}
