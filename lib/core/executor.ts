/**
 * The executor runs calls from any dialect. One pipeline for all methods: rate, lookup, parameters,
 * slot, audit, deadline, work, reply, log.
 *
 * @module
 */

import { Audit, type AuditEntry } from "../audit/audit.ts";
import {
  agentStopping,
  internalError,
  type RpcError,
  timedOut,
  tooManyRequests,
  toRpcError,
} from "../base/errors.ts";
import { withTimer } from "../base/waiting.ts";
import type { Config } from "../config/schema.ts";
import { countCall } from "../base/memory/garbage.ts";
import { Slots } from "../base/slots.ts";
import { Admission } from "./admission.ts";
import type { Caller } from "./caller.ts";
import type { Action, Call, Failure, Outcome, Success } from "./call.ts";
import type { CallId } from "./call_id.ts";
import { ABORT_GRACE_MS, CallInFlight, CallsInFlight } from "./calls_in_flight.ts";
import { onlyLooks } from "../policy/groups.ts";
import type { AgentServices, CheckedCall, Context, Method } from "./method.ts";
import { type AfterReply, ResultThen } from "./outcome.ts";
import { RequestCounters } from "./request_counters.ts";
import { RequestLog, shortened, withoutValue } from "./request_log.ts";

const NEVER_ABORTED = new AbortController().signal;
const NOTHING_TO_RELEASE = () => {};
const NO_FIELDS = {};

/** A call that has been admitted. */
interface Execution<Reply> {
  readonly call: Call<Reply>;
  readonly method: Method;
  readonly checked: CheckedCall;
  readonly inFlight: CallInFlight;
}

/** Runs calls. An agent has one executor for all its channels. */
export class Executor {
  /** Requests so far. */
  readonly counters: RequestCounters;
  #services: AgentServices;
  readonly #admission: Admission;
  readonly #slots: Slots;
  readonly #inFlight = new CallsInFlight();
  #isClosed = false;
  readonly #log: RequestLog;
  readonly #audit: Audit;
  /** Callers with calls that wait for data. */
  readonly #waitingCallers = new Set<Caller>();
  #isStopping = false;

  /** @throws {Error} if two methods share a name. */
  constructor(services: AgentServices, audit: Audit = Audit.NONE) {
    const { config, methods, log } = services;
    this.#services = services;
    this.#admission = new Admission(methods, () => this.#services);
    this.counters = new RequestCounters(this.#admission.methods);
    this.#slots = new Slots(config.max_concurrent_requests);
    this.#log = new RequestLog(log);
    this.#audit = audit;
  }

  /** Sets policy and limits for new calls; calls in flight keep theirs. */
  reconfigure(config: Config): void {
    this.#services = { ...this.#services, config };
    this.#slots.resize(config.max_concurrent_requests);
  }

  /** The largest message, in bytes. */
  get messageLimitBytes(): number {
    return this.#services.config.max_message_size_kb * 1024;
  }

  /** The number of calls that were accepted and not yet answered. */
  get inFlight(): number {
    return this.#inFlight.count;
  }

  /**
   * Runs a call. The outcome of an immediate method, or of one that knows its result, is returned
   * without a promise, unless it is audited.
   */
  run<Reply>(call: Call<Reply>): Outcome<Reply> | Promise<Outcome<Reply>> {
    try {
      if (this.#isClosed) throw agentStopping();
      const method = this.#admission.admit(call);
      const checked = method.prepare(call.params);
      // What is kept until the call ends holds the checked parameters only.
      call.params = undefined;
      if (!method.audited || !this.#audit.isKept) {
        if (method.immediate) {
          return this.#succeed(call, checked.run(this.#context(call, NEVER_ABORTED)));
        }
        const known = checked.known?.(this.#context(call, NEVER_ABORTED));
        if (known !== undefined) return this.#succeed(call, known, checked.target);
      }
      const needsSlotNow = !method.immediate && checked.wait === undefined;
      const refusal = needsSlotNow ? this.#slots.refusal(call.bytes) : undefined;
      if (refusal !== undefined) throw tooManyRequests(refusal);
      this.#count(call);
      const inFlight = new CallInFlight();
      call.caller.reserve(call.id, inFlight);
      this.#inFlight.add(inFlight);
      return this.#execute({ call, method, checked, inFlight });
    } catch (thrown) {
      this.#count(call);
      return this.#refuse(call, thrown);
    }
  }

  /** Refuses every call from now on; those in flight go on. */
  close(): void {
    this.#isClosed = true;
  }

  /** Counts and logs a message that is not a request. */
  countMalformed(error: RpcError, id?: CallId): void {
    this.counters.countMalformed();
    this.#log.malformed(error, id);
  }

  /**
   * Charges one request to the caller's rate; returns the refusal, -32004, if the rate is exceeded.
   */
  rateRefusal(caller: Caller): RpcError | undefined {
    return this.#admission.rateRefusal(caller);
  }

  /**
   * Lets waiting calls run with what there is, waits up to `graceMs` for the calls in flight, then
   * aborts the rest.
   */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    for (const { waiting } of this.#waitingCallers) waiting.endAll();
    await withTimer(graceMs, this.#inFlight.empty());
    if (this.#inFlight.count > 0) {
      this.#inFlight.abortAll("the agent is stopping");
      await withTimer(ABORT_GRACE_MS, this.#inFlight.empty());
    }
    this.#log.flush();
  }

  #count({ bytes }: Call<unknown>): void {
    countCall(this.#inFlight.count, { bytes, heldBytes: this.#slots.heldBytes });
  }

  #succeed<Reply>(
    call: Call<Reply>,
    result: unknown,
    target: CheckedCall["target"] = NO_FIELDS,
  ): Success<Reply> {
    const reply = call.encode(result);
    this.#finished(call, target);
    return { ok: true, reply, release: NOTHING_TO_RELEASE };
  }

  #refuse(call: Call<unknown>, thrown: unknown): Failure {
    const error = this.#explain(thrown, call);
    this.#finished(call, { code: error.code, reason: error.data.reason });
    return { ok: false, error, release: NOTHING_TO_RELEASE };
  }

  async #execute<Reply>(execution: Execution<Reply>): Promise<Outcome<Reply>> {
    const { call, method, checked, inFlight } = execution;
    const { signal } = inFlight;
    let audited: AuditEntry | undefined;
    let working: Promise<unknown> | undefined;
    let prepared: AfterReply | undefined;
    let hasSlot = false;
    let heldBytes = call.bytes;
    const release = () => {
      if (hasSlot) void this.#giveSlotBackAfter(working, heldBytes);
      hasSlot = false;
      inFlight.answered();
    };
    try {
      if (checked.wait !== undefined) await this.#waitForData(execution);
      if (!method.immediate) await this.#takeSlot(execution);
      hasSlot = !method.immediate;
      if (method.audited && this.#audit.isKept) {
        audited = await this.#beginAudit(execution);
        signal.throwIfAborted();
      }
      if (method.ownTimeout) inFlight.clearDeadline();
      const context = {
        ...this.#context(call, signal),
        whenAnswered: (act: () => void) => inFlight.whenAnswered(act),
      };
      const changed = this.#change(method);
      working = Promise.try(() => checked.run(context));
      // Before the answer, and even if that is given without it.
      if (changed !== undefined) void working.then(changed, changed);
      if (hasSlot && method.dropsParams) {
        this.#slots.drop(heldBytes);
        heldBytes = 0;
      }
      const returned = await inFlight.outcomeOf(working);
      if (returned instanceof ResultThen) prepared = returned.action;
      const reply = call.encode(returned instanceof ResultThen ? returned.result : returned);
      await audited?.end({});
      this.#finished(call, checked.target);
      const after = prepared && this.#action(prepared, execution, audited);
      if (after === undefined) this.#inFlight.remove(inFlight);
      return { ok: true, reply, after, release };
    } catch (thrown) {
      prepared?.drop();
      const error = this.#explainEnd(thrown, execution);
      // The call has already failed: a failure to record that changes nothing.
      await audited?.end({ code: error.code, reason: withoutValue(error.data.reason) })
        .catch(() => {});
      const { code, data: { reason } } = error;
      this.#finished(call, { ...checked.target, code, reason });
      this.#inFlight.remove(inFlight);
      return { ok: false, error, release };
    } finally {
      inFlight.settle();
      call.caller.release(call.id, inFlight);
    }
  }

  async #waitForData({ call, checked, inFlight }: Execution<unknown>): Promise<void> {
    const { caller } = call;
    const wait = await checked.wait?.(this.#context(call, inFlight.signal));
    if (wait !== undefined && !this.#isStopping) {
      this.#waitingCallers.add(caller);
      try {
        await caller.waiting.wait(wait, inFlight);
      } finally {
        if (caller.waiting.count === 0) this.#waitingCallers.delete(caller);
      }
    }
    const refusal = this.#slots.refusal(call.bytes);
    if (refusal !== undefined) throw tooManyRequests(refusal);
  }

  /** Waits at most `request_timeout_seconds` for a slot, even for a method with its own timeout. */
  async #takeSlot({ call, checked, inFlight }: Execution<unknown>): Promise<void> {
    const seconds = this.#services.config.request_timeout_seconds;
    // The time that a call waited for data is not counted.
    const since = checked.wait === undefined ? call.arrivedAt : performance.now();
    const leftMs = seconds * 1000 - (performance.now() - since);
    let isWaiting = true;
    inFlight.setDeadline(leftMs, () => {
      const reason = isWaiting
        ? `no slot became free within ${seconds} s; the request was not started`
        : `timed out after ${seconds} s`;
      return timedOut(reason, { timeout_seconds: seconds });
    });
    if (!this.#slots.takeFree(call.bytes)) await this.#slots.take(inFlight.signal, call.bytes);
    isWaiting = false;
  }

  /** Work that does not stop keeps its slot, which bounds the resources it uses. */
  async #giveSlotBackAfter(
    working: Promise<unknown> | undefined,
    heldBytes: number,
  ): Promise<void> {
    await working?.catch(() => {});
    this.#slots.give(heldBytes);
  }

  async #beginAudit({ call, method, checked }: Execution<unknown>): Promise<AuditEntry> {
    return await this.#audit.begin({
      who: "channel",
      what: method.name,
      id: shortened(call.id),
      target: checked.target,
    });
  }

  /**
   * A call begins that may change the guest, so that reports about it must not be kept.
   *
   * @returns What to call at its end; `undefined` if it only looks.
   */
  #change({ access }: Method): (() => void) | undefined {
    return onlyLooks(access) ? undefined : this.#services.guest.reports?.change();
  }

  #action(
    { run, drop }: AfterReply,
    { call, method, inFlight }: Execution<unknown>,
    audited: AuditEntry | undefined,
  ): Action {
    return {
      run: async () => {
        const changed = this.#change(method);
        try {
          await run();
        } catch (error) {
          this.#log.fault(`${call.method} failed after it was answered`, error, call);
          await audited?.failedAfterAnswer(error);
        } finally {
          changed?.();
          this.#inFlight.remove(inFlight);
        }
      },
      drop: () => {
        drop();
        this.#inFlight.remove(inFlight);
      },
    };
  }

  #finished(
    call: Call<unknown>,
    fields: Readonly<Record<string, unknown>> & { readonly code?: number } = NO_FIELDS,
  ): void {
    this.counters.finished(call.method, fields.code);
    this.#log.finished(call, call.arrivedAt, fields);
  }

  #context({ caller, resultLimitBytes }: Call<unknown>, signal: AbortSignal): Context {
    return { ...this.#services, signal, resultLimitBytes, caller };
  }

  /** Once aborted, other failures are consequences of the abort; a method's own error says more. */
  #explainEnd(thrown: unknown, { call, inFlight: { signal } }: Execution<unknown>): RpcError {
    const isConsequence = toRpcError(thrown) === undefined && signal.aborted;
    return this.#explain(isConsequence ? signal.reason : thrown, call);
  }

  #explain(thrown: unknown, call: Call<unknown>): RpcError {
    const error = toRpcError(thrown);
    if (error !== undefined) return error;
    this.#log.fault("internal error", thrown, call);
    return internalError("internal error; see the agent's log");
  }
}
