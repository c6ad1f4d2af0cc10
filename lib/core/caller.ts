/**
 * Who makes calls: one host on one connection. Ids in flight, cancellation and the request rate
 * belong to the caller, so no host is affected by another host's ids.
 *
 * @module
 */

import { commandFailed, invalidRequest } from "../base/errors.ts";
import { RateLimit } from "./rate_limit.ts";
import type { CallId } from "./call_id.ts";
import type { CallInFlight } from "./calls_in_flight.ts";
import { WaitingCalls } from "./waiting_calls.ts";

/** Ids as keys: a string never equals a number. */
const keyOf = (id: CallId): string =>
  typeof id === "string" ? `"${id}` : typeof id === "object" ? id?.rawJSON ?? "null" : String(id);

/** One host on one connection. */
export class Caller {
  /** Its calls that wait for data. */
  readonly waiting = new WaitingCalls();
  readonly #calls = new Map<string, CallInFlight>();
  #rate: RateLimit | undefined;

  /**
   * The caller's request rate.
   *
   * @param perSecond What the configuration allows now.
   */
  rate(perSecond: number): RateLimit {
    if (this.#rate?.perSecond !== perSecond) this.#rate = new RateLimit(perSecond);
    return this.#rate;
  }

  /**
   * Reserves an id until its call is answered. Calls without an id, or with the id `null`, cannot be
   * told apart and are not reserved.
   *
   * @throws {RpcError} -32600 if the caller has a call with this id in flight.
   */
  reserve(id: CallId | undefined, call: CallInFlight): void {
    if (id === undefined || id === null) return;
    const key = keyOf(id);
    if (this.#calls.has(key)) {
      throw invalidRequest(`id ${JSON.stringify(id)} is used by a request that is still in flight`);
    }
    this.#calls.set(key, call);
  }

  /** The call has been answered: its id may be reused. */
  release(id: CallId | undefined, call: CallInFlight): void {
    if (id === undefined || id === null) return;
    const key = keyOf(id);
    if (this.#calls.get(key) === call) this.#calls.delete(key);
  }

  /** Cancels the call with this id; returns whether there was one. */
  cancel(id: CallId): boolean {
    const call = this.#calls.get(keyOf(id));
    call?.abort(commandFailed("cancelled by the host"));
    return call !== undefined;
  }

  /** The host has disconnected: nobody reads what its waiting calls would answer. */
  leave(): void {
    for (const call of this.waiting.calls) call.abort(commandFailed("the host disconnected"));
  }
}
