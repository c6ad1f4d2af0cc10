/**
 * Queues requests to an agent: written in order, one at a time, and dropped once their caller stops
 * waiting. An agent that does not read costs no more than the request being written.
 *
 * @module
 */

/** A request that has not been written yet. */
interface Outgoing {
  readonly bytes: Uint8Array;
  /** Called when writing starts. */
  readonly onSent: () => void;
}

const encoder = new TextEncoder();

/** The queue of writes to a connection. */
export class Outbox {
  readonly #queue = new Set<Outgoing>();
  #isWriting = false;
  #isBroken = false;

  /**
   * @param write Writes some of the bytes and resolves to their number.
   * @param onBroken Called with the first error; nothing is written after it.
   */
  constructor(
    readonly write: (bytes: Uint8Array) => Promise<number>,
    readonly onBroken: (error: unknown) => void,
  ) {}

  /**
   * Queues text to be written.
   *
   * @returns A function that withdraws it if writing has not started.
   */
  send(text: string, onSent: () => void = () => {}): () => void {
    const outgoing: Outgoing = { bytes: encoder.encode(text), onSent };
    this.#queue.add(outgoing);
    if (!this.#isWriting) void this.#drain();
    return () => void this.#queue.delete(outgoing);
  }

  async #drain(): Promise<void> {
    this.#isWriting = true;
    try {
      for (const outgoing of this.#queue) {
        this.#queue.delete(outgoing);
        outgoing.onSent();
        for (let rest = outgoing.bytes; rest.byteLength > 0 && !this.#isBroken;) {
          rest = rest.subarray(await this.write(rest));
        }
      }
    } catch (error) {
      this.#isBroken = true;
      this.#queue.clear();
      this.onBroken(error);
    } finally {
      this.#isWriting = false;
    }
  }
}
