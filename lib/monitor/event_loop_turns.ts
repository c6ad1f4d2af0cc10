/**
 * Keeps the event loop running while a lot of input is processed.
 *
 * Deno completes a read immediately if data is available, so many clients could be served one after
 * another without a turn of the event loop, and the host would wait for all of them.
 *
 * @module
 */

import { sleep } from "../base/timer.ts";

/** Bytes that may be processed before the event loop gets a turn. */
const BYTES_PER_TURN = 32 * 1024;

/** Hands out turns: one large piece of work in each turn of the event loop. */
export class EventLoopTurns {
  #bytes = 0;
  #last: Promise<void> = Promise.resolve();

  /**
   * Resolves when this many bytes may be processed: immediately for few, in a later turn for many.
   */
  async take(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes < BYTES_PER_TURN) return;
    this.#bytes = 0;
    await (this.#last = this.#last.then(nextTurn));
  }
}

const nextTurn = () => sleep(0);
