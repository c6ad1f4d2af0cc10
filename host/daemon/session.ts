/**
 * One client of the daemon's socket: lines in, answers out, at the pace at which it reads them.
 *
 * @module
 */

import { parseError } from "../../lib/base/errors.ts";
import { countJsonValues, MAX_VALUES } from "../../lib/base/memory/json_values.ts";
import { messageOf } from "../../lib/base/message_of.ts";
import { answerBatch, MAX_BATCH_MEMBERS } from "../../lib/dialects/jsonrpc/batch.ts";
import { LineSplitter } from "../../lib/dialects/jsonrpc/line_splitter.ts";
import { parseLine } from "../../lib/dialects/jsonrpc/messages.ts";
import { Outbox } from "../outbox.ts";
import { ReadBuffer } from "../read_buffer.ts";
import type { Holder, MemoryBudget } from "./memory_budget.ts";
import { refusal, replyText, Requests, type RequestServices } from "./requests.ts";

/** The client's end, as a socket or as one that the service manager opened. */
export interface ClientConnection {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** What sessions share. */
export interface SessionContext extends RequestServices {
  readonly memory: MemoryBudget;
}

/** The largest message in both directions. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
/** Nothing more is read from a client, or begun for it, that has not read this much. */
const CONGESTED_BYTES = 1024 * 1024;
/** Room for half a line that a client keeps when it has no half line. */
const KEPT_LINE_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Serves one client until it leaves or is cut off. */
export class Session implements Holder {
  readonly #connection: ClientConnection;
  readonly #context: SessionContext;
  readonly #outbox: Outbox;
  readonly #splitter: LineSplitter;
  readonly #requests: Requests;
  readonly #working = new Set<Promise<void>>();
  #unread = 0;
  #halfLine = 0;
  /** For those who wait until an answer has been written. */
  #drained: PromiseWithResolvers<void> | undefined;
  #isOver = false;

  /** @param isReadOnly Whether it may only call what changes nothing. */
  constructor(connection: ClientConnection, context: SessionContext, isReadOnly: boolean) {
    this.#connection = connection;
    this.#context = context;
    this.#requests = new Requests(context, {
      isReadOnly,
      onMemory: (bytes) => {
        if (!this.#isOver) context.memory.add(this, bytes);
      },
      congestion: () => this.#isCongested ? this.#untilWritten() : undefined,
    });
    this.#outbox = new Outbox((bytes) => connection.write(bytes), () => this.#end());
    this.#splitter = new LineSplitter(MAX_LINE_BYTES, {
      onLine: (line) => this.#onLine(line),
      onTooLong: () => this.#refuse(refusal("the line is too long; the rest of it is discarded")),
      onNotUtf8: () => this.#refuse(parseError("the line is not UTF-8").toWire()),
    });
  }

  /** Resolves when the client has left or was cut off. Never rejects. */
  async serve(): Promise<void> {
    const buffer = new ReadBuffer();
    try {
      while (!this.#isOver) {
        const read = await this.#connection.read(buffer.bytes);
        if (read === null || this.#isOver) break;
        const bytes = buffer.bytes.subarray(0, read);
        this.#countHalfLine(bytes);
        if (!this.#isOver) this.#splitter.push(bytes);
        buffer.adapt(read);
        this.#splitter.release(KEPT_LINE_BYTES);
        while (this.#isCongested) await this.#untilWritten();
      }
    } catch {
      // The connection was closed by either side.
    }
    this.#end();
  }

  cutOff(why: string): void {
    if (this.#isOver) return;
    this.#context.onProblem(`a client was disconnected: ${why}`);
    this.#end();
  }

  /** Resolves once everything is answered and written, or after this time; then disconnects. */
  async finish(milliseconds: number): Promise<void> {
    const timer = setTimeout(() => this.#end(), milliseconds);
    while (this.#working.size > 0 && !this.#isOver) await Promise.all(this.#working);
    while (this.#unread > 0 && !this.#isOver) await this.#untilWritten();
    clearTimeout(timer);
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      this.#connection.close();
    } catch {
      // Closed already.
    }
    this.#splitter.reset();
    this.#context.memory.remove(this);
    this.#drained?.resolve();
    this.#requests.abandon();
  }

  get #isCongested(): boolean {
    return this.#unread > CONGESTED_BYTES && !this.#isOver;
  }

  /** Resolves when the next answer has been written, or the session ends. */
  #untilWritten(): Promise<void> {
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  #countHalfLine(bytes: Uint8Array): void {
    const at = bytes.lastIndexOf(NEWLINE);
    const half = at < 0
      ? Math.min(this.#halfLine + bytes.byteLength, MAX_LINE_BYTES)
      : bytes.byteLength - at - 1;
    const grown = half - this.#halfLine;
    this.#halfLine = half;
    this.#context.memory.add(this, grown);
  }

  #onLine(line: string): void {
    if (this.#isOver) return;
    if (line.length > MAX_VALUES && countJsonValues(line) > MAX_VALUES) {
      const reason = `a message may have ${MAX_VALUES} values (members and elements)`;
      return this.#refuse(refusal(reason));
    }
    let message: unknown;
    try {
      message = parseLine(line);
    } catch (error) {
      const error_ = parseError(`not JSON: ${messageOf(error).slice(0, 200)}`);
      return this.#refuse(error_.toWire());
    }
    if (!Array.isArray(message)) {
      return this.#track(this.#requests.answer(message, line.length), (text) => this.#send(text));
    }
    const { length } = message;
    if (length === 0 || length > MAX_BATCH_MEMBERS) {
      const reason = length === 0
        ? "an empty batch"
        : `a batch may have at most ${MAX_BATCH_MEMBERS} requests, received ${length}`;
      return this.#refuse(refusal(reason));
    }
    const members = message.map((one) => async () => {
      const text = await this.#requests.answer(one, line.length / length);
      return { id: null, text };
    });
    this.#track(
      answerBatch(members, MAX_LINE_BYTES, (text) => Promise.resolve(this.#send(text))),
    );
  }

  #track<T>(work: Promise<T>, then: (value: T) => void = () => {}): void {
    const tracked: Promise<void> = work.then(then).finally(() => this.#working.delete(tracked));
    this.#working.add(tracked);
  }

  /** Answers what cannot be read as a request. */
  #refuse(error: unknown): void {
    this.#send(replyText(null, { error }));
  }

  #send(text: string | undefined): void {
    if (text === undefined || this.#isOver) return;
    const bytes = text.length + 1;
    this.#unread += bytes;
    this.#context.memory.add(this, bytes);
    if (this.#isOver) return;
    this.#outbox.send(`${text}\n`, {
      onWritten: () => {
        this.#unread -= bytes;
        if (!this.#isOver) this.#context.memory.add(this, -bytes);
        this.#drained?.resolve();
        this.#drained = undefined;
      },
    });
  }
}
