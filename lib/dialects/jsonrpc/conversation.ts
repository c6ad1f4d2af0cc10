/**
 * The conversation with one host: lines in, replies out.
 *
 * @module
 */

import { invalidRequest, parseError, type RpcError } from "../../base/errors.ts";
import { utf8Bytes } from "../../base/json_text.ts";
import { countLongMessage } from "../../base/memory/garbage.ts";
import { countJsonValues, MAX_VALUES } from "../../base/memory/json_values.ts";
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
import { answerBatch, type BatchMember, MAX_BATCH_MEMBERS, type MemberAnswer } from "./batch.ts";
import { LineSplitter } from "./line_splitter.ts";
import {
  isMalformed,
  notificationText,
  parseLine,
  readRequest,
  type Request,
  textOf,
} from "./messages.ts";
import { errorReply, resultLimit, resultReply } from "./replies.ts";

const NEWLINE = "\n";
/** Whatever a shorter line holds is small: it is not looked at. */
const LONG_CHARACTERS = 1024;
/** What a parsed value takes beside its text, while a request waits. */
const BYTES_PER_VALUE = 100;

/** What the dialect needs to know. */
export interface JsonRpcOptions {
  readonly executor: Executor;
  /** The parameters of `agent_ready`, or `undefined` if it is not to be sent; read at each greeting. */
  readonly ready: () => Readonly<Record<string, unknown>> | undefined;
}

/** How a request arrived; see {@link Call}. */
type Arrival = Pick<Call<unknown>, "bytes" | "arrivedAt">;

/** Speaks with one host. */
export class JsonRpcConversation implements Conversation {
  readonly #link: ReplyLink;
  readonly #executor: Executor;
  readonly #ready: JsonRpcOptions["ready"];
  readonly #caller: Caller;
  readonly #splitter: LineSplitter;
  readonly #pending = new Set<Promise<void>>();
  #isAbandoned = false;
  /** When bytes arrived last. */
  #receivedAt = performance.now();
  /** The number of lines so far, and so of the last one. */
  #line = 0;
  /** The last empty line, with which a host begins: the line before it, and when it came. */
  #beginning = { after: 0, time: -Infinity };
  /** The last line that is not answered any more: its host has left. */
  #lastDropped = 0;

  constructor(link: ReplyLink, { executor, ready }: JsonRpcOptions, caller = new Caller()) {
    this.#link = link;
    this.#caller = caller;
    this.#executor = executor;
    this.#ready = ready;
    this.#splitter = new LineSplitter(this.#limitBytes, {
      onLine: (line) => {
        const answered = this.onLine(line, this.#receivedAt);
        if (answered !== undefined) this.#track(answered);
      },
      onEmpty: () => this.#beginning = { after: this.#line, time: performance.now() },
      onTooLong: () => {
        const reason = "the line exceeds max_message_size_kb; the rest of it is discarded";
        this.#sendMalformed(invalidRequest(reason, { limit_bytes: this.#splitter.limit }));
      },
      onNotUtf8: () => this.#sendMalformed(parseError("the line is not UTF-8")),
    });
  }

  greet(): Promise<void> | undefined {
    const params = this.#ready();
    if (params === undefined) return undefined;
    return this.#send(notificationText("agent_ready", params));
  }

  onBytes(bytes: Uint8Array): void {
    this.#receivedAt = performance.now();
    this.#splitter.limit = this.#limitBytes;
    this.#splitter.push(bytes);
  }

  onEvent({ name, params }: HostEvent): void {
    const text = notificationText(name, params);
    const bytes = utf8Bytes(text);
    if (bytes > this.#limitBytes) {
      throw new HostUnreachableError(
        `the message has ${bytes} bytes, which exceeds max_message_size_kb (${this.#limitBytes} bytes)`,
      );
    }
    void this.#send(text);
  }

  isTakenOverSince(time: number): boolean {
    if (this.#beginning.time < time) return false;
    this.#lastDropped = this.#beginning.after;
    return true;
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.#caller.leave();
    this.#splitter.reset();
  }

  async drained(): Promise<void> {
    // Nothing more will be read: calls that wait for data answer with what there is.
    this.#caller.waiting.endAll();
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /**
   * Handles one line: a request, a notification or a batch.
   *
   * @param arrivedAt In milliseconds of `performance.now()`.
   * @returns A promise for the end of the work, or `undefined` if it was answered synchronously.
   */
  onLine(line: string, arrivedAt = performance.now()): Promise<void> | undefined {
    this.#line += 1;
    const values = line.length < LONG_CHARACTERS ? 0 : countJsonValues(line);
    if (line.length >= LONG_CHARACTERS) countLongMessage(line.length, values);
    if (values > MAX_VALUES) {
      const reason = `a message may have ${MAX_VALUES} values (members and elements)`;
      this.#sendMalformed(invalidRequest(reason, { limit_values: MAX_VALUES }));
      return undefined;
    }
    let message: unknown;
    try {
      message = parseLine(line);
    } catch (error) {
      this.#sendMalformed(parseError(explainSyntax(line, error)));
      return undefined;
    }
    const bytes = line.length + values * BYTES_PER_VALUE;
    const arrival = { bytes, arrivedAt };
    if (Array.isArray(message)) return this.#onBatch(message, arrival);
    return this.#onMessage(message, arrival);
  }

  #onMessage(message: unknown, arrival: Arrival): Promise<void> | undefined {
    const request = readRequest(message);
    if (isMalformed(request)) {
      this.#sendMalformed(request.error, request.id);
      return undefined;
    }
    const { id } = request;
    const outcome = this.#executor.run(this.#call(request, arrival));
    const line = this.#line;
    if (outcome instanceof Promise) return outcome.then((ended) => this.#deliver(ended, id, line));
    if (id !== undefined) void this.#send(...this.#partsOf(outcome, id));
    outcome.release();
    return undefined;
  }

  #onBatch(messages: readonly unknown[], arrival: Arrival): Promise<void> | undefined {
    if (messages.length === 0 || messages.length > MAX_BATCH_MEMBERS) {
      const { length } = messages;
      const reason = length === 0
        ? "an empty batch"
        : `a batch may have at most ${MAX_BATCH_MEMBERS} requests, received ${length}; send several batches`;
      this.#sendMalformed(invalidRequest(reason));
      return undefined;
    }
    const share = { ...arrival, bytes: Math.ceil(arrival.bytes / messages.length) };
    const members = messages.map((message): BatchMember => () => this.#onMember(message, share));
    const line = this.#line;
    return answerBatch(members, this.#limitBytes, (text) => this.#sendLate(line, [text]));
  }

  /** One message of a batch. Malformed ones count against the rate like all others. */
  #onMember(message: unknown, arrival: Arrival): MemberAnswer | Promise<MemberAnswer> {
    const request = readRequest(message);
    if (isMalformed(request)) {
      const { id } = request;
      const error = this.#executor.rateRefusal(this.#caller) ?? request.error;
      this.#executor.countMalformed(error, id);
      return { id, text: errorReply(id, error, this.#limitBytes) };
    }
    const answer = (outcome: Outcome<readonly Part[]>): MemberAnswer => {
      // The message limit bounds what a batch keeps.
      outcome.release();
      const { id } = request;
      const after = outcome.ok ? outcome.after : undefined;
      if (id === undefined) return { id: null, text: undefined, after };
      const parts = this.#partsOf(outcome, id);
      const text = textOf(parts);
      parts.forEach(releasePart);
      return { id, text, after };
    };
    const outcome = this.#executor.run(this.#call(request, arrival));
    return outcome instanceof Promise ? outcome.then(answer) : answer(outcome);
  }

  async #deliver(
    outcome: Outcome<readonly Part[]>,
    id: CallId | undefined,
    line: number,
  ): Promise<void> {
    if (id !== undefined) await this.#sendLate(line, this.#partsOf(outcome, id));
    // Only now, so that the slots bound the answers that a slow host has not read.
    outcome.release();
    if (outcome.ok) await outcome.after?.run();
  }

  #partsOf(outcome: Outcome<readonly Part[]>, id: CallId): readonly Part[] {
    return outcome.ok ? outcome.reply : [errorReply(id, outcome.error, this.#limitBytes)];
  }

  #call(
    { id, method, params }: Request,
    { bytes, arrivedAt }: Arrival,
  ): Call<readonly Part[]> {
    const limitBytes = this.#limitBytes;
    return {
      id,
      method,
      params,
      bytes,
      arrivedAt,
      caller: this.#caller,
      resultLimitBytes: resultLimit(id, limitBytes),
      encode: (result) => resultReply(id ?? null, result, limitBytes),
    };
  }

  #sendMalformed(error: RpcError, id: CallId = null): void {
    this.#executor.countMalformed(error, id);
    void this.#send(errorReply(id, error, this.#limitBytes));
  }

  /** Sends the reply to a line, unless the host that sent it has left. */
  #sendLate(line: number, parts: readonly Part[]): Promise<void> {
    return line > this.#lastDropped ? this.#send(...parts) : drop(parts);
  }

  #send(...parts: readonly Part[]): Promise<void> {
    if (this.#isAbandoned) return drop(parts);
    const [only] = parts;
    // One string for most messages: the writer copies it in one step.
    return parts.length === 1 && typeof only === "string"
      ? this.#link.send(only + NEWLINE)
      : this.#link.send(...parts, NEWLINE);
  }

  #track(answered: Promise<void>): void {
    this.#pending.add(answered);
    void answered.finally(() => this.#pending.delete(answered));
  }

  get #limitBytes(): number {
    return this.#executor.messageLimitBytes;
  }
}

function drop(parts: readonly Part[]): Promise<void> {
  parts.forEach(releasePart);
  return Promise.resolve();
}

function explainSyntax(line: string, error: unknown): string {
  if (line.startsWith("\ufeff")) return "the line starts with a byte order mark";
  return error instanceof Error ? `not JSON: ${error.message.slice(0, 200)}` : "not JSON";
}
