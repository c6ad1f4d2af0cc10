/**
 * Lines on their way to the host: in order, many in one write, and never more than a bound waiting.
 *
 * @module
 */

import { collectIfDue, countTraffic } from "../garbage.ts";

/** What a writer writes to. */
export interface ByteSink {
  /** Writes some of the bytes and resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Bytes waiting above which reading pauses. */
const HIGH_WATER_CHARACTERS = 64 * 1024;

/** Bytes encoded and written at once. */
const CHUNK_BYTES = 64 * 1024;

const encoder = new TextEncoder();

/** Sends lines. After a failed write the host is gone, and lines are dropped. */
export class MessageWriter {
  /** Kept for the life of the writer: one for each answer would be freed too late. */
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  #buffered = 0;
  #queue: string[] = [];
  #queuedCharacters = 0;
  #writing: Promise<void> | undefined;
  #isBroken = false;
  #writtenBytes = 0;

  constructor(readonly sink: ByteSink, readonly onBroken: (error: unknown) => void) {}

  /** Whether so much waits that nothing more should be taken in. */
  get isCongested(): boolean {
    return this.#queuedCharacters > HIGH_WATER_CHARACTERS;
  }

  /** Bytes that have left so far. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Sends one line; resolves when all that was given so far has been written or dropped. */
  send(text: string): Promise<void> {
    if (this.#isBroken) return Promise.resolve();
    this.#queue.push(`${text}\n`);
    this.#queuedCharacters += text.length;
    this.#writing ??= this.#drain();
    return this.#writing;
  }

  /** Resolves when nothing waits any more. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #drain(): Promise<void> {
    // What is answered in the same turn leaves in one write.
    await Promise.resolve();
    try {
      while (this.#queue.length > 0) {
        const texts = this.#queue;
        this.#queue = [];
        for (const text of texts) {
          let rest = this.#encode(text);
          while (rest !== "") {
            await this.#writeOut();
            rest = this.#encode(rest);
          }
          this.#queuedCharacters -= text.length - 1;
        }
        await this.#writeOut();
      }
      collectIfDue();
    } catch (error) {
      this.#isBroken = true;
      this.#queue = [];
      this.#queuedCharacters = 0;
      this.onBroken(error);
    } finally {
      this.#writing = undefined;
    }
  }

  /** Puts the text behind what is in the buffer; returns what there was no room for. */
  #encode(text: string): string {
    const { read, written } = encoder.encodeInto(text, this.#buffer.subarray(this.#buffered));
    this.#buffered += written;
    return read === text.length ? "" : text.slice(read);
  }

  async #writeOut(): Promise<void> {
    for (let sent = 0; sent < this.#buffered;) {
      sent += await this.sink.write(this.#buffer.subarray(sent, this.#buffered));
    }
    this.#writtenBytes += this.#buffered;
    countTraffic(this.#buffered);
    this.#buffered = 0;
  }
}
