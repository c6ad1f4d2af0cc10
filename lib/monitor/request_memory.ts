/**
 * The memory for requests: one budget of 768 KiB for all clients of a server.
 *
 * Requests up to 1 KiB, which is most of them, are not counted. Of the larger ones, four at a time
 * may take 64 KiB each, and one of those four may grow to 576 KiB. All others wait. A request
 * keeps its share until its command is done, since the handler holds the request.
 *
 * @module
 */

import { giveBuffer, takeBuffer } from "../base/memory/spare_buffers.ts";
import { Slots } from "../base/slots.ts";
import { EventLoopTurns } from "./event_loop_turns.ts";

const KIB = 1024;

/** The size of one buffer, and the most bytes of an answer. */
export const BUFFER_BYTES = 64 * KIB;
/**
 * How many requests over 1 KiB are read at the same time. Each holds three to four times its size, as
 * text and parsed, until its command is done.
 */
export const MAX_BUFFERS = 4;
/** The most bytes of a request: what the other three buffers leave of the budget. */
export const MAX_REQUEST_BYTES = 768 * KIB - (MAX_BUFFERS - 1) * BUFFER_BYTES;
/** Clients wait until they time out, and hold at most 64 KiB meanwhile. */
const UNLIMITED = { calls: Infinity, bytes: Infinity, runningBytes: Infinity };

/** The budget of one server. */
export class RequestMemory {
  /** Schedules the processing of its requests. */
  readonly turns = new EventLoopTurns();
  readonly #buffers = new Slots(MAX_BUFFERS, UNLIMITED);
  readonly #large = new Slots(1, UNLIMITED);

  /**
   * Waits for a share of 64 KiB.
   *
   * @throws The reason of `signal`, which ends the wait.
   */
  async take(signal: AbortSignal): Promise<RequestShare> {
    await this.#buffers.take(signal);
    const buffer = takeBuffer(BUFFER_BYTES);
    return new RequestShare(buffer.subarray(0, BUFFER_BYTES), this.#large, () => {
      giveBuffer(buffer);
      this.#buffers.give();
    });
  }
}

/** One request's share of the budget. */
export class RequestShare {
  readonly #large: Slots;
  readonly #giveBuffer: () => void;
  #isLarge = false;
  #isGivenBack = false;

  constructor(readonly buffer: Uint8Array<ArrayBuffer>, large: Slots, giveBuffer: () => void) {
    this.#large = large;
    this.#giveBuffer = giveBuffer;
  }

  /**
   * Waits until this request may grow to {@link MAX_REQUEST_BYTES}. The request that may grow waits
   * for nothing else, so there is no deadlock.
   *
   * @throws The reason of `signal`, which ends the wait.
   */
  async grow(signal: AbortSignal): Promise<void> {
    if (this.#isLarge) return;
    await this.#large.take(signal);
    this.#isLarge = true;
  }

  /** Returns all of it. Nothing may be read into the buffer any more. */
  giveBack(): void {
    if (this.#isGivenBack) return;
    this.#isGivenBack = true;
    if (this.#isLarge) this.#large.give();
    this.#giveBuffer();
  }
}
