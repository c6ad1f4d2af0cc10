/**
 * The conversation with one host: bytes in, answers out, in order.
 *
 * @module
 */

import { invalidRequest, type RpcError } from "../../base/errors.ts";
import { sleep } from "../../base/timer.ts";
import { countGarbage } from "../../base/memory/garbage.ts";
import {
  type Conversation,
  type HostEvent,
  HostUnreachableError,
  type Part,
  releasePart,
  type ReplyLink,
} from "../../channel/dialect.ts";
import type { Call, Outcome } from "../../core/call.ts";
import type { CallId } from "../../core/call_id.ts";
import { Caller } from "../../core/caller.ts";
import type { Executor } from "../../core/executor.ts";
import type { StreamParser, ValueSink } from "./parser.ts";
import { DELIMITER, errorText, failureText, resultReply } from "./replies.ts";
import { isMalformed, readRequest, releaseArguments, type Request } from "./requests.ts";
import type { Turns } from "./turns.ts";

/** Bytes of JSON that a result may take: libvirt drops an answer over 10 MiB, we stay far below. */
const RESULT_LIMIT_BYTES = 2 * 1024 * 1024;

/** The command whose answer follows a delimiter. */
const DELIMITED_SYNC = "guest-sync-delimited";

/** What an error leaves, beside its text. */
const MALFORMED_GARBAGE_BYTES = 256;

/** What the conversations of a channel share. */
export interface Shared {
  readonly executor: Executor;
  readonly parser: StreamParser;
  readonly turns: Turns;
}

/** Speaks with one host. */
export class QgaConversation implements Conversation {
  readonly #link: ReplyLink;
  readonly #shared: Shared;
  readonly #caller = new Caller();
  /** The last error without an id: garbage may be thousands of the same. */
  #lastError: { readonly description: string; readonly text: string } | undefined;
  #isAbandoned = false;
  /** When bytes arrived last. */
  #receivedAt = -Infinity;
  /** The command that the parser has just met, if it is not done at once. */
  #running: Promise<void> | undefined;
  readonly #sink: ValueSink = {
    onValue: (value, size) => this.#onValue(value, size),
    onError: (description) => this.#onMalformed(description, undefined),
  };

  constructor(link: ReplyLink, shared: Shared) {
    this.#link = link;
    this.#shared = shared;
  }

  greet(): undefined {
    return undefined;
  }

  onBytes(bytes: Uint8Array): void {
    this.#receivedAt = performance.now();
    const { turns } = this.#shared;
    const own = turns.ended() === undefined ? bytes : ownBytes(bytes);
    turns.take(() => this.#parse(own));
  }

  /**
   * Parses up to the first command that takes time, and goes on after it: what follows it, perhaps
   * thousands of requests or errors, waits as bytes.
   */
  #parse(bytes: Uint8Array): Promise<void> | undefined {
    const taken = this.#push(bytes);
    if (this.#running === undefined) return undefined;
    return this.#parseOn(this.#running, ownBytes(bytes.subarray(taken)));
  }

  async #parseOn(running: Promise<void>, bytes: Uint8Array): Promise<void> {
    await running;
    for (let rest = bytes; rest.byteLength > 0;) {
      rest = rest.subarray(this.#push(rest));
      await this.#running;
    }
  }

  #push(bytes: Uint8Array): number {
    this.#running = undefined;
    return this.#shared.parser.push(bytes, this.#sink);
  }

  /** Resolves when more bytes may come; `undefined` if they may now. */
  ready(): Promise<void> | undefined {
    return this.#shared.turns.ended();
  }

  /** @throws {HostUnreachableError} always: the language has no events. */
  onEvent({ name }: HostEvent): void {
    throw new HostUnreachableError(
      `the host cannot be told "${name}": it speaks the QEMU guest agent's language, without events`,
    );
  }

  /** Nothing in the language tells hosts apart; they skip what they did not ask for, by `guest-sync`. */
  isTakenOverSince(time: number): boolean {
    return this.#receivedAt >= time;
  }

  abandon(): void {
    this.#isAbandoned = true;
  }

  async drained(): Promise<void> {
    await this.#shared.turns.ended();
  }

  /** Returns whether the parser is to wait. */
  #onValue(value: unknown, bytes: number): boolean {
    const request = readRequest(value);
    if (isMalformed(request)) this.#onMalformed(request.description, request.id);
    else this.#running = this.#run(request, bytes);
    return this.#running !== undefined;
  }

  #onMalformed(description: string, id: unknown): void {
    this.#shared.executor.countMalformed(invalidRequest(description), callId(id));
    const text = this.#errorText(description, id);
    countGarbage(MALFORMED_GARBAGE_BYTES);
    void this.#send([text]);
  }

  #errorText(description: string, id: unknown): string {
    if (id !== undefined) return errorText(description, id);
    if (this.#lastError?.description !== description) {
      this.#lastError = { description, text: errorText(description) };
    }
    return this.#lastError.text;
  }

  #run(request: Request, bytes: number): Promise<void> | undefined {
    const outcome = this.#shared.executor.run(this.#call(request, bytes));
    if (outcome instanceof Promise) return this.#deliverLater(outcome, request, bytes);
    const pauseMs = pauseBefore(outcome);
    if (pauseMs !== undefined) return this.#runAgain(request, bytes, pauseMs);
    releaseArguments(request);
    void this.#send(partsOf(outcome, request));
    outcome.release();
    return undefined;
  }

  async #deliverLater(
    promise: Promise<Outcome<readonly Part[]>>,
    request: Request,
    bytes: number,
  ): Promise<void> {
    const outcome = await promise;
    const pauseMs = pauseBefore(outcome);
    if (pauseMs !== undefined) return await this.#runAgain(request, bytes, pauseMs);
    releaseArguments(request);
    await this.#send(partsOf(outcome, request));
    // Only now: answers that a slow host has not read stay bounded.
    outcome.release();
    if (outcome.ok) await outcome.after?.run();
  }

  /** The rate slows a host down instead of refusing: its tools know no such refusal. */
  async #runAgain(request: Request, bytes: number, pauseMs: number): Promise<void> {
    await sleep(pauseMs);
    await this.#run(request, bytes);
  }

  #call({ command, parameters, id }: Request, bytes: number): Call<readonly Part[]> {
    return {
      method: command,
      params: parameters,
      id: callId(id),
      bytes,
      arrivedAt: performance.now(),
      caller: this.#caller,
      resultLimitBytes: RESULT_LIMIT_BYTES,
      // A command without a result, such as guest-shutdown, is not answered when it succeeds.
      encode: (result) => result === undefined ? [] : resultReply(id, result),
    };
  }

  #send(parts: readonly Part[]): Promise<void> {
    if (!this.#isAbandoned && parts.length > 0) return this.#link.send(...parts);
    parts.forEach(releasePart);
    return Promise.resolve();
  }
}

function partsOf(
  outcome: Outcome<readonly Part[]>,
  { command, id }: Request,
): readonly Part[] {
  if (!outcome.ok) return [failureText(command, outcome.error, id)];
  return command === DELIMITED_SYNC ? [DELIMITER, ...outcome.reply] : outcome.reply;
}

/** What core may know of the id: the language allows any value, and the same one twice. */
const callId = (id: unknown): CallId | undefined =>
  typeof id === "string" || typeof id === "number" ? id : undefined;

/** Milliseconds until a host that is over its rate may go on. */
function pauseBefore(outcome: Outcome<unknown>): number | undefined {
  if (outcome.ok) return undefined;
  const pauseMs = retryAfterMs(outcome.error);
  if (pauseMs !== undefined) outcome.release();
  return pauseMs;
}

/** A copy, since the channel uses its buffer again. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  countGarbage(bytes.byteLength);
  return bytes.slice();
}

const retryAfterMs = ({ kind, data }: RpcError): number | undefined =>
  kind === "tooManyRequests" && typeof data.retry_after_ms === "number"
    ? data.retry_after_ms
    : undefined;
