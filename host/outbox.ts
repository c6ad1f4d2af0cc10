/**
 * Queues lines to a connection: written in order, together if they are small, and dropped once their
 * sender stops waiting. A peer that does not read costs no more than what is being written.
 *
 * @module
 */

/** What becomes of a text. */
export interface OutgoingEvents {
  /** Called when its writing starts. */
  readonly onSent?: () => void;
  /** Called when it has been written; never if the connection breaks. */
  readonly onWritten?: () => void;
}

/** A text that has not been written yet. */
interface Outgoing {
  readonly text: string;
  readonly events: OutgoingEvents;
}

/** Texts are written together up to this many characters: far less than a socket's own buffer. */
const BATCH_CHARACTERS = 16 * 1024;

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
  send(text: string, events: OutgoingEvents = {}): () => void {
    const outgoing: Outgoing = { text, events };
    this.#queue.add(outgoing);
    if (!this.#isWriting) void this.#drain();
    return () => void this.#queue.delete(outgoing);
  }

  async #drain(): Promise<void> {
    this.#isWriting = true;
    try {
      // A write costs more than all else that a small message takes: what is sent in one turn shares it.
      await undefined;
      while (this.#queue.size > 0 && !this.#isBroken) {
        const batch = this.#takeBatch();
        let text = "";
        for (const one of batch) {
          text += one.text;
          one.events.onSent?.();
        }
        for (let rest = encoder.encode(text); rest.byteLength > 0 && !this.#isBroken;) {
          rest = rest.subarray(await this.write(rest));
        }
        for (const { events } of batch) events.onWritten?.();
      }
    } catch (error) {
      this.#isBroken = true;
      this.#queue.clear();
      this.onBroken(error);
    } finally {
      this.#isWriting = false;
    }
  }

  /** The first text, and those after it that fit beside it. */
  #takeBatch(): Outgoing[] {
    const batch: Outgoing[] = [];
    let characters = 0;
    for (const outgoing of this.#queue) {
      characters += outgoing.text.length;
      if (batch.length > 0 && characters > BATCH_CHARACTERS) break;
      this.#queue.delete(outgoing);
      batch.push(outgoing);
    }
    return batch;
  }
}
