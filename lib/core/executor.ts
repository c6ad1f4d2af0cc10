/**
 * The dispatcher: lines in, answers out. One pipeline for all methods: limits, lookup, parameters,
 * a place, the deadline, the work, the answer, the log.
 *
 * @module
 */

import { Audit, type AuditEntry } from "../audit/audit.ts";
import {
  commandFailed,
  internalError,
  invalidRequest,
  methodNotFound,
  parseError,
  RpcError,
  timedOut,
  tooManyRequests,
  toRpcError,
} from "../base/errors.ts";
import type { Config } from "../config/schema.ts";
import { countTraffic } from "../base/memory/garbage.ts";
import { utf8Bytes } from "../base/json_text.ts";
import type { LogFields } from "../log/logger.ts";
import { withTimer } from "../base/waiting.ts";
import { suggestion } from "../base/schema_issues.ts";
import { MAX_WAITING, Places, RateLimit } from "./admission.ts";
import { type BatchItem, collectBatch, type Departed } from "../dialects/jsonrpc/batch.ts";
import {
  errorText,
  type Id,
  isMalformed,
  parseLine,
  type Part,
  readRequest,
  type Request,
  resultParts,
} from "../dialects/jsonrpc/messages.ts";
import type { AgentServices, Call, Context, Method } from "./method.ts";
import { RequestCounters } from "./request_counters.ts";
import { RequestLog, shortened, withoutValue } from "./request_log.ts";
import { RequestsInFlight } from "./calls_in_flight.ts";
import { ABORT_GRACE_MS, resultOrAbort, settlesAtOnce } from "./work.ts";

/**
 * Hands one answer, in one or more parts, to the channel; resolves when the channel has taken it,
 * and never rejects.
 */
export type Send = (...parts: readonly Part[]) => Promise<void>;

const NEVER_ABORTED = new AbortController().signal;
/** Characters of a reason that fit even the smallest message limit. */
const SHORT_REASON = 100;
/** What all but the quickest requests leave for the garbage collector beside their text (measured). */
const GARBAGE_BYTES = 1024;
/** Bytes of an answer beside result and id, with room for a place in a batch. */
const ENVELOPE_BYTES = 64;

type AfterAnswer = () => void | Promise<void>;

/** A request that has been let in. */
interface Work {
  readonly request: Request;
  readonly method: Method;
  readonly call: Call;
  /** When it arrived, in milliseconds of `performance.now()`. */
  readonly start: number;
  readonly controller: AbortController;
  readonly departed: Departed | undefined;
}

/** What is told of a request that has been done: the error's code where it went wrong. */
type Outcome = LogFields & { readonly code?: number };

/** Answers requests. One for each agent, whatever channels it serves. */
export class Dispatcher {
  /** What was asked for so far. */
  readonly counters: RequestCounters;
  #services: AgentServices;
  readonly #methods: ReadonlyMap<string, Method>;
  #rate: RateLimit;
  readonly #places: Places;
  readonly #inFlight = new RequestsInFlight();
  readonly #log: RequestLog;
  readonly #audit: Audit;
  #messageLimit: number;

  /** @throws {Error} when two methods share a name. */
  constructor(services: AgentServices, audit: Audit = Audit.NONE) {
    const { config, methods, log } = services;
    this.#services = services;
    this.#methods = new Map(methods.map((method) => [method.name, method]));
    if (this.#methods.size !== methods.length) throw new Error("two methods share a name");
    this.counters = new RequestCounters(this.#methods);
    this.#rate = new RateLimit(config.max_requests_per_second);
    this.#places = new Places(config.max_concurrent_requests);
    this.#log = new RequestLog(log);
    this.#audit = audit;
    this.#messageLimit = config.max_message_size_kb * 1024;
  }

  /** Policy and limits for requests that come from now on; those under way keep theirs. */
  reconfigure(config: Config): void {
    this.#services = { ...this.#services, config };
    if (config.max_requests_per_second !== this.#rate.perSecond) {
      this.#rate = new RateLimit(config.max_requests_per_second);
    }
    this.#places.resize(config.max_concurrent_requests);
    this.#messageLimit = config.max_message_size_kb * 1024;
  }

  /** How many requests are taken and not answered. */
  get inFlight(): number {
    return this.#inFlight.count;
  }

  /**
   * Handles one line, which may be a request, a notification or a batch.
   *
   * @returns A promise for the end of the work, or `undefined` where it was answered at once.
   */
  handle(line: string, send: Send): Promise<void> | undefined {
    let message: unknown;
    try {
      message = parseLine(line);
    } catch (error) {
      this.refuse(parseError(explainSyntax(line, error)), send);
      return undefined;
    }
    if (!Array.isArray(message)) return this.#handleOne(message, send);
    if (message.length === 0) {
      this.refuse(invalidRequest("an empty batch"), send);
      return undefined;
    }
    const items = message.map((one): BatchItem => (answer, departed) =>
      this.#handleOne(one, answer, departed)
    );
    return collectBatch(items, this.#messageLimit, send);
  }

  /** Answers something that is no request at all, with an `id` of null. */
  refuse(error: RpcError, send: Send): void {
    this.#refused(error);
    void send(this.#errorText(null, error));
  }

  /** Waits for the work in flight, for so long at most, then cancels what is left of it. */
  async stop(graceMs: number): Promise<void> {
    await withTimer(graceMs, this.#inFlight.empty());
    if (this.#inFlight.count === 0) return;
    this.#inFlight.cancelAll("the agent is stopping");
    await withTimer(ABORT_GRACE_MS, this.#inFlight.empty());
  }

  /** @param departed For one of a batch. */
  #handleOne(message: unknown, send: Send, departed?: Departed): Promise<void> | undefined {
    const start = performance.now();
    const request = readRequest(message);
    if (isMalformed(request)) {
      this.#refused(request.error, request.id);
      void send(this.#errorText(request.id, request.error));
      return undefined;
    }
    try {
      const method = this.#admit(request);
      const call = method.prepare(request.params);
      if (method.immediate) {
        const result = call.run(this.#context(request.id, NEVER_ABORTED, []));
        const parts = this.#resultParts(request.id ?? null, result);
        this.#finished(request, start);
        if (request.id !== undefined) void send(...parts);
        return undefined;
      }
      if (this.#places.isFull) {
        throw tooManyRequests(`${MAX_WAITING} requests are waiting already`);
      }
      countTraffic(GARBAGE_BYTES);
      const controller = this.#inFlight.add(request.id);
      return this.#work({ request, method, call, start, controller, departed }, send);
    } catch (thrown) {
      countTraffic(GARBAGE_BYTES);
      const error = this.#explain(thrown, request);
      this.#finished(request, start, { code: error.code, reason: error.data.reason });
      if (request.id !== undefined) void send(this.#errorText(request.id, error));
      return undefined;
    }
  }

  /** Rate and lookup. */
  #admit(request: Request): Method {
    const wait = this.#rate.take();
    if (wait > 0) {
      throw tooManyRequests(`over ${this.#rate.perSecond} requests a second`, {
        retry_after_ms: wait,
      });
    }
    const method = this.#methods.get(request.method);
    if (method !== undefined) return method;
    const name = request.method.slice(0, 100);
    const known = suggestion(name, [...this.#methods.keys()]);
    throw methodNotFound(`no method ${JSON.stringify(name)}${known}`, { method: name });
  }

  async #work(work: Work, send: Send): Promise<void> {
    const { request, method, call, start, controller } = work;
    const { id } = request;
    const { signal } = controller;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const startTimer = () => {
      if (!method.ownTimeout) timer ??= this.#startTimer(controller, start);
    };
    const actions: AfterAnswer[] = [];
    let audited: AuditEntry | undefined;
    let working: Promise<unknown> | undefined;
    let parts: readonly Part[];
    try {
      if (!this.#places.takeFree()) {
        startTimer();
        await this.#places.take(signal);
      }
      if (method.isAudited && this.#audit.isKept) {
        startTimer();
        audited = await this.#beginAudited(work);
        signal.throwIfAborted();
      }
      working = Promise.try(() => call.run(this.#context(id, signal, actions)));
      const isDone = await settlesAtOnce(working);
      if (!isDone) startTimer();
      const result = await (isDone ? working : resultOrAbort(working, signal));
      parts = this.#resultParts(id ?? null, result);
      await audited?.end({});
      this.#finished(request, start, call.target);
    } catch (thrown) {
      // Once cancelled, whatever breaks breaks because of that; an error of ours knows more.
      const error = toRpcError(thrown) === undefined && signal.aborted
        ? this.#explain(signal.reason, request)
        : this.#explain(thrown, request);
      parts = [this.#errorText(id ?? null, error)];
      // It has gone wrong already: that this cannot be written down does not make it worse.
      await audited?.end({ code: error.code, reason: withoutValue(error.data.reason) })
        .catch(() => {});
      this.#finished(request, start, {
        ...call.target,
        code: error.code,
        reason: error.data.reason,
      });
    } finally {
      clearTimeout(timer);
    }
    // What only waits to be read by a slow host is no work that a stop would have to wait for.
    if (actions.length === 0) this.#inFlight.remove(id, controller);
    else this.#inFlight.release(id, controller);
    if (id !== undefined) await send(...parts);
    // Only now is the place free: answers that a slow host has not read stay bounded, and so does
    // work that would not be stopped.
    const giveBack = () => this.#places.give();
    working?.then(giveBack, giveBack);
    if (actions.length > 0) await work.departed?.();
    for (const action of actions) await this.#act(action, request, audited);
    this.#inFlight.remove(id, controller);
  }

  async #beginAudited({ request, method, call }: Work): Promise<AuditEntry> {
    const { name: what } = method;
    const id = shortened(request.id);
    return await this.#audit.begin({ who: "channel", what, id, target: call.target });
  }

  #refused(error: RpcError, id?: Id): void {
    this.counters.refused();
    this.#log.refused(error, id);
  }

  #finished(request: Request, start: number, fields: Outcome = {}): void {
    this.counters.finished(request.method, fields.code);
    this.#log.finished(request, start, fields);
  }

  /** Ends the request when its time is over, counted from its arrival. */
  #startTimer(controller: AbortController, start: number): ReturnType<typeof setTimeout> {
    const seconds = this.#services.config.request_timeout_seconds;
    return setTimeout(() => {
      controller.abort(timedOut(`not done within ${seconds} s`, { timeout_seconds: seconds }));
    }, seconds * 1000 - (performance.now() - start));
  }

  async #act(
    action: AfterAnswer,
    request: Request,
    audited: AuditEntry | undefined,
  ): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#log.fault(`what ${request.method} had announced failed`, error, request);
      await audited?.failedAfterAnswer(error);
    }
  }

  #context(
    id: Id | undefined,
    signal: AbortSignal,
    actions: AfterAnswer[],
  ): Context {
    const idBytes = utf8Bytes(JSON.stringify(id ?? null));
    return {
      ...this.#services,
      signal,
      resultLimitBytes: this.#messageLimit - ENVELOPE_BYTES - idBytes,
      afterAnswer: (action) => void actions.push(action),
      cancel: (other) => this.#inFlight.cancel(other),
    };
  }

  /** @throws {RpcError} -32000 when the answer would be over the message limit. */
  #resultParts(id: Id, result: unknown): readonly Part[] {
    const parts = resultParts(id, result);
    const size = this.#sizeIfLarge(parts);
    if (size <= this.#messageLimit) return parts;
    throw commandFailed(`the answer has ${size} bytes, over max_message_size_kb`, {
      size_bytes: size,
      limit_bytes: this.#messageLimit,
    });
  }

  /** An error answer, without details or id where those would be over the message limit. */
  #errorText(id: Id, error: RpcError): string {
    const text = errorText(id, error);
    if (this.#sizeIfLarge([text]) <= this.#messageLimit) return text;
    const short = new RpcError(error.kind, error.data.reason.slice(0, SHORT_REASON));
    const shortText = errorText(id, short);
    // An id that fills a message leaves no room for an answer that carries it.
    return this.#sizeIfLarge([shortText]) <= this.#messageLimit
      ? shortText
      : errorText(null, short);
  }

  /** Bytes of an answer that may be over the limit, 0 for one that cannot. */
  #sizeIfLarge(parts: readonly Part[]): number {
    const length = parts.reduce((sum, { length }) => sum + length, 0);
    if (length * 3 <= this.#messageLimit) return 0;
    return parts.reduce(
      (sum, part) => sum + (typeof part === "string" ? utf8Bytes(part) : part.byteLength),
      0,
    );
  }

  #explain(thrown: unknown, request: Request): RpcError {
    const error = toRpcError(thrown);
    if (error !== undefined) return error;
    this.#log.fault("a fault of the agent", thrown, request);
    return internalError("a fault of the agent; its log has the details");
  }
}

function explainSyntax(line: string, error: unknown): string {
  if (line.startsWith("\ufeff")) return "the line begins with a byte order mark";
  return error instanceof Error ? `not JSON: ${error.message.slice(0, 200)}` : "not JSON";
}
