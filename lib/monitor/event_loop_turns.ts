/**
 * Keeps the event loop going while much input is processed.
 *
 * Deno completes a read at once if data is there, so a crowd of clients could be served one after
 * the other without the event loop ever getting a turn, and the host would wait for all of them.
 *
 * @module
 */

import { sleep } from "../base/timer.ts";

/** How much may be processed before the event loop gets a turn. */
const BYTES_PER_TURN = 32 * 1024;

/** Hands out turns: one large piece of work in each turn of the event loop. */
export class EventLoopTurns {
  #bytes = 0;
  #last: Promise<void> = Promise.resolve();

  /** Resolves when so many bytes may be processed: at once for little, in a later turn for much. */
  async take(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes < BYTES_PER_TURN) return;
    this.#bytes = 0;
    await (this.#last = this.#last.then(nextTurn));
  }
}

const nextTurn = () => sleep(0);
