/**
 * Calls that wait for something before they run: reads from a cursor at the end of its data. They
 * hold no slot while they wait.
 *
 * @module
 */

import { tooManyRequests } from "../base/errors.ts";
import { Timer } from "../base/timer.ts";
import type { CallInFlight } from "./calls_in_flight.ts";

/** How many calls of one caller may wait at once. */
export const MAX_WAITING_CALLS = 32;

/** The longest wait that a method offers, in seconds. */
export const MAX_WAIT_SECONDS = 60;

/** What a call waits for. */
export interface Wait {
  /** After this time the call runs anyway. */
  readonly seconds: number;
  /**
   * Resolves when the call should run. Must also settle soon after the signal is aborted; it does not
   * matter how.
   */
  readonly event: (signal: AbortSignal) => Promise<unknown>;
}

/** The waiting calls of one caller. */
export class WaitingCalls {
  readonly #ends = new Map<CallInFlight, () => void>();

  /** The number of waiting calls. */
  get count(): number {
    return this.#ends.size;
  }

  /**
   * Waits for the event, the end of the time, {@link endAll}, or the end of the call.
   *
   * @throws {RpcError} -32004 if too many calls of the caller are waiting.
   * @throws The reason why the call was aborted.
   */
  async wait({ seconds, event }: Wait, call: CallInFlight): Promise<void> {
    if (this.#ends.size >= MAX_WAITING_CALLS) {
      throw tooManyRequests(
        `${MAX_WAITING_CALLS} requests of this host are already waiting for data; ` +
          "wait for one of their answers, or set wait_seconds to 0",
      );
    }
    const controller = new AbortController();
    const end = () => controller.abort();
    const timer = new Timer(seconds * 1000, end);
    this.#ends.set(call, end);
    call.signal.addEventListener("abort", end, { once: true });
    try {
      if (call.signal.aborted) end();
      await event(controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) throw error;
    } finally {
      timer.stop();
      call.signal.removeEventListener("abort", end);
      this.#ends.delete(call);
    }
    call.signal.throwIfAborted();
  }

  /** Ends all waits: the calls run with what there is. */
  endAll(): void {
    for (const end of [...this.#ends.values()]) end();
  }

  /** The calls that are waiting. */
  get calls(): readonly CallInFlight[] {
    return [...this.#ends.keys()];
  }
}
