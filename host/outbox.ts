/**
 * Requests on their way to an agent: in order, one write at a time, and forgotten when nobody waits
 * for their answer any more. An agent that does not read costs no more than what is being written.
 *
 * @module
 */

/** What is waiting to be written. */
interface Outgoing {
  readonly bytes: Uint8Array;
  /** Told when the first byte is written. */
  readonly onSent: () => void;
}

const encoder = new TextEncoder();

/** Writes to a connection. */
export class Outbox {
  readonly #queue = new Set<Outgoing>();
  #isWriting = false;
  #isBroken = false;

  /**
   * @param write Writes some of the bytes and resolves to how many.
   * @param onBroken Told of the first write that fails; nothing is written after it.
   */
  constructor(
    readonly write: (bytes: Uint8Array) => Promise<number>,
    readonly onBroken: (error: unknown) => void,
  ) {}

  /**
   * Sends text when its turn comes.
   *
   * @returns A function that takes it back if not a byte of it has been written.
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
