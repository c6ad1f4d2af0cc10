/**
 * Memory for requests that are more than a few words: few buffers, used again and again. A hundred
 * slow clients with one each would cost an eighth of the agent's memory, and buffers that are made
 * anew would be freed too late.
 *
 * @module
 */

import { Slots } from "../core/admission.ts";

/** The most bytes of a request, and of an answer. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

/** How many large requests are taken in at once; more wait. */
const MAX_LARGE_REQUESTS = 8;
/** How many buffers are kept when nobody needs them. */
const MAX_KEPT = 4;

/** The buffers of one server. */
export class RequestBuffers {
  readonly #slots = new Slots(MAX_LARGE_REQUESTS, { calls: Infinity, bytes: Infinity });
  readonly #free: Uint8Array<ArrayBuffer>[] = [];

  /**
   * A buffer of {@link MAX_MESSAGE_BYTES}, once there is one.
   *
   * @throws The reason of `signal`, which ends the waiting.
   */
  async take(signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    await this.#slots.take(signal);
    return this.#free.pop() ?? new Uint8Array(MAX_MESSAGE_BYTES);
  }

  /** Takes a buffer back that nothing will be read into any more. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    if (this.#free.length < MAX_KEPT) this.#free.push(buffer);
    this.#slots.give();
  }
}
