/**
 * One client of the daemon's socket: requests in, answers out.
 *
 * @module
 */

import {
  internalError,
  invalidRequest,
  parseError,
  permissionDenied,
  RpcError,
} from "../../lib/base/errors.ts";
import { countJsonValues, MAX_VALUES } from "../../lib/base/memory/json_values.ts";
import { messageOf } from "../../lib/base/message_of.ts";
import type { CallId } from "../../lib/core/call_id.ts";
import { answerBatch, MAX_BATCH_MEMBERS } from "../../lib/dialects/jsonrpc/batch.ts";
import { LineSplitter } from "../../lib/dialects/jsonrpc/line_splitter.ts";
import {
  isId,
  isMalformed,
  parseLine,
  readRequest,
  type Request,
} from "../../lib/dialects/jsonrpc/messages.ts";
import { AnswerError } from "../errors.ts";
import { Outbox } from "../outbox.ts";
import { groupOf } from "../protocol.ts";
import { ReadBuffer } from "../read_buffer.ts";
import { missingVm, withoutVm } from "./addressed.ts";
import { HostError } from "./errors.ts";
import type { Host } from "./host.ts";
import type { Holder, MemoryBudget } from "./memory_budget.ts";
import { type Daemon, OWN_METHODS } from "./own_methods.ts";
import type { VmCalls } from "./vm_calls.ts";

/** The client's end, as a socket or as one that the service manager opened. */
export interface ClientConnection {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** What sessions share. */
export interface SessionContext extends Daemon {
  readonly host: Host;
  readonly calls: VmCalls<object>;
  readonly memory: MemoryBudget;
  /** Called with what a client cannot be told. */
  readonly onProblem: (problem: string) => void;
}

/** The largest message in both directions. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
/** Nothing more is read from a client, or begun for it, that has not read this much. */
const CONGESTED_BYTES = 1024 * 1024;
/** Room for half a line that a client keeps when it has no half line. */
const KEPT_LINE_BYTES = 64 * 1024;
/** What a request in flight takes besides its text. */
const REQUEST_BYTES = 1000;
const NEWLINE = 0x0a;

/** Groups of methods that only look. */
const READ_ONLY_GROUPS: readonly (string | undefined)[] = ["see", "always"];

interface InFlight {
  readonly controller: AbortController;
  wasSent: boolean;
}

/** The result as JSON: an agent's is passed on as it came. */
type Reply = { readonly resultText: string } | { readonly error: unknown };

/** Serves one client until it leaves or is cut off. */
export class Session implements Holder {
  readonly #connection: ClientConnection;
  readonly #context: SessionContext;
  readonly #isReadOnly: boolean;
  readonly #outbox: Outbox;
  readonly #splitter: LineSplitter;
  readonly #byId = new Map<string, InFlight>();
  readonly #inFlight = new Set<InFlight>();
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
    this.#isReadOnly = isReadOnly;
    this.#outbox = new Outbox((bytes) => connection.write(bytes), () => this.#end());
    this.#splitter = new LineSplitter(MAX_LINE_BYTES, {
      onLine: (line) => this.#onLine(line),
      onTooLong: () =>
        this.#reply(null, { error: refusal("the line is too long; the rest of it is discarded") }),
      onNotUtf8: () => this.#reply(null, { error: parseError("the line is not UTF-8").toWire() }),
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
        while (this.#unread > CONGESTED_BYTES && !this.#isOver) await this.#untilWritten();
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
    for (const { controller } of this.#inFlight) {
      controller.abort(new HostError("cancelled", { reason: "the client left", was_sent: true }));
    }
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
      return this.#reply(null, { error: refusal(reason) });
    }
    let message: unknown;
    try {
      message = parseLine(line);
    } catch (error) {
      const error_ = parseError(`not JSON: ${messageOf(error).slice(0, 200)}`);
      return this.#reply(null, { error: error_.toWire() });
    }
    if (!Array.isArray(message)) {
      return this.#track(this.#onMessage(message, line.length), (text) => this.#send(text));
    }
    const { length } = message;
    if (length === 0 || length > MAX_BATCH_MEMBERS) {
      const reason = length === 0
        ? "an empty batch"
        : `a batch may have at most ${MAX_BATCH_MEMBERS} requests, received ${length}`;
      return this.#reply(null, { error: refusal(reason) });
    }
    const members = message.map((one) => async () => {
      const text = await this.#onMessage(one, line.length / length);
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

  /** Answers one message; `undefined` for a notification. Never rejects. */
  async #onMessage(message: unknown, characters: number): Promise<string | undefined> {
    const { vm, rest, problem } = withoutVm(message);
    const request = readRequest(rest);
    if (isMalformed(request)) {
      return replyText(request.id, { error: request.error.toWire() });
    }
    const { id } = request;
    const reply = problem === undefined
      ? await this.#replyTo(request, vm, characters)
      : { error: refusal(problem) };
    return id === undefined ? undefined : replyText(id, reply);
  }

  async #replyTo(request: Request, vm: string | undefined, characters: number): Promise<Reply> {
    const { method, params, id } = request;
    if (method === "rpc.cancel") return this.#cancel(params);
    const key = id === undefined || id === null ? undefined : JSON.stringify(id);
    if (key !== undefined && this.#byId.has(key)) {
      return { error: refusal(`id ${key} is used by a request that is still in flight`) };
    }
    const inFlight: InFlight = { controller: new AbortController(), wasSent: false };
    if (key !== undefined) this.#byId.set(key, inFlight);
    this.#inFlight.add(inFlight);
    const bytes = REQUEST_BYTES + 2 * characters;
    this.#context.memory.add(this, bytes);
    try {
      return { resultText: await this.#run(request, vm, inFlight) };
    } catch (error) {
      return { error: this.#explain(error, inFlight) };
    } finally {
      if (!this.#isOver) this.#context.memory.add(this, -bytes);
      this.#inFlight.delete(inFlight);
      if (key !== undefined) this.#byId.delete(key);
    }
  }

  async #run(
    { method, params }: Request,
    vm: string | undefined,
    inFlight: InFlight,
  ): Promise<string> {
    const { signal } = inFlight.controller;
    const own = OWN_METHODS.get(method);
    if (own !== undefined) return JSON.stringify(await own(this.#context, params, signal) ?? null);
    if (this.#isReadOnly && !READ_ONLY_GROUPS.includes(groupOf(method))) {
      throw permissionDenied(`this socket only lets you look; ${method} changes something`, {
        method,
      });
    }
    if (vm === undefined) throw missingVm(method);
    return await this.#context.calls.run(this, {
      vm: this.#context.host.find(vm),
      method,
      params,
      signal,
      onSent: () => inFlight.wasSent = true,
      congestion: () =>
        this.#unread > CONGESTED_BYTES && !this.#isOver ? this.#untilWritten() : undefined,
    });
  }

  #cancel(params: unknown): Reply {
    const id = typeof params === "object" && params !== null && "id" in params
      ? params.id
      : undefined;
    if (!isId(id) || id === null) {
      return { error: refusal('rpc.cancel needs the id of a request: {"id": …}') };
    }
    const inFlight = this.#byId.get(JSON.stringify(id));
    inFlight?.controller.abort(
      new HostError("cancelled", {
        reason: "cancelled by the client",
        was_sent: inFlight.wasSent,
      }),
    );
    return { resultText: JSON.stringify({ cancelled: inFlight !== undefined }) };
  }

  #explain(error: unknown, { controller: { signal } }: InFlight): unknown {
    if (signal.aborted) return signal.reason;
    if (error instanceof RpcError) return error.toWire();
    if (error instanceof AnswerError || error instanceof HostError) return error;
    this.#context.onProblem(`a bug: ${messageOf(error)}`);
    return internalError("internal error; see the daemon's log").toWire();
  }

  #reply(id: CallId, reply: Reply): void {
    this.#send(replyText(id, reply));
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

const refusal = (reason: string) => invalidRequest(reason).toWire();

function replyText(id: CallId, reply: Reply): string {
  const outcome = "resultText" in reply
    ? `"result":${reply.resultText}`
    : `"error":${JSON.stringify(reply.error)}`;
  return `{"jsonrpc":"2.0",${outcome},"id":${JSON.stringify(id)}}`;
}
