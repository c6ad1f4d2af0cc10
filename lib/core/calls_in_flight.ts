/**
 * Accepted calls that are not finished.
 *
 * @module
 */

import { commandFailed, type RpcError } from "../base/errors.ts";
import { Timer } from "../base/timer.ts";

/** How long aborted work may take to stop before its call is answered without it. */
export const ABORT_GRACE_MS = 5000;

/** One call in flight: its abort signal, its deadline, and waiting for its work. */
export class CallInFlight {
  readonly #controller = new AbortController();
  #deadline: Timer | undefined;
  #grace: Timer | undefined;
  #giveUp: ((reason: unknown) => void) | undefined;
  #isAnswered = false;
  #onAnswered: (() => void) | undefined;

  /** Aborted by the deadline, by the caller, or when the agent stops. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborts the work, which then has {@link ABORT_GRACE_MS} to stop. */
  abort(reason: RpcError): void {
    if (this.signal.aborted) return;
    this.#controller.abort(reason);
    this.#startGrace();
  }

  /** Aborts the work after this many milliseconds; replaces an earlier deadline. */
  setDeadline(milliseconds: number, reason: () => RpcError): void {
    this.#deadline?.stop();
    this.#deadline = new Timer(milliseconds, () => this.abort(reason()));
  }

  /** Removes the deadline. */
  clearDeadline(): void {
    this.#deadline?.stop();
    this.#deadline = undefined;
  }

  /**
   * The result of work, or its error. Aborted work gets time to stop and to return partial results;
   * otherwise the reason for the abort is the answer.
   */
  outcomeOf(working: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      working.then(resolve, reject);
      this.#giveUp = reject;
      if (this.signal.aborted) this.#startGrace();
    });
  }

  /** Clears the timers: the call has its outcome. */
  settle(): void {
    this.clearDeadline();
    this.#grace?.stop();
    this.#giveUp = undefined;
  }

  /** Calls a function once the answer has been sent or dropped, which may have happened. */
  whenAnswered(act: () => void): void {
    if (this.#isAnswered) act();
    else this.#onAnswered = act;
  }

  /** Notes that the answer has been sent or dropped. */
  answered(): void {
    this.#isAnswered = true;
    this.#onAnswered?.();
    this.#onAnswered = undefined;
  }

  #startGrace(): void {
    const giveUp = this.#giveUp;
    if (giveUp === undefined) return;
    this.#grace = new Timer(ABORT_GRACE_MS, () => giveUp(this.signal.reason));
  }
}

/** All calls in flight of an agent, from all callers. */
export class CallsInFlight {
  readonly #calls = new Set<CallInFlight>();
  #onEmpty: (() => void)[] = [];

  /** The number of calls. */
  get count(): number {
    return this.#calls.size;
  }

  add(call: CallInFlight): void {
    this.#calls.add(call);
  }

  remove(call: CallInFlight): void {
    this.#calls.delete(call);
    if (this.#calls.size > 0) return;
    const waiting = this.#onEmpty;
    this.#onEmpty = [];
    for (const resolve of waiting) resolve();
  }

  /** Aborts all. */
  abortAll(reason: string): void {
    for (const call of this.#calls) call.abort(commandFailed(reason));
  }

  /** Resolves when there are none. */
  async empty(): Promise<void> {
    if (this.#calls.size === 0) return;
    await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
  }
}
