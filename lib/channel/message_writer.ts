/**
 * Lines on their way to the host: in order, many in one write, and never more than a bound waiting.
 *
 * @module
 */

import { collectIfDue, countTraffic } from "../base/memory/garbage.ts";
import type { Part } from "../dialects/jsonrpc/messages.ts";

/** What a writer writes to. */
export interface ByteSink {
  /** Writes some of the bytes and resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Characters waiting above which reading pauses. */
const HIGH_WATER_CHARACTERS = 64 * 1024;

/** Bytes encoded and written at once. */
const CHUNK_BYTES = 64 * 1024;

const encoder = new TextEncoder();
const NEWLINE = "\n";

/** Sends lines. After a failed write the host is gone, and lines are dropped. */
export class MessageWriter {
  /** Kept for the life of the writer: one for each answer would be freed too late. */
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  #buffered = 0;
  #queue: Part[] = [];
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

  /**
   * Sends one line, given in parts; resolves when all that was given so far has been written or
   * dropped.
   */
  send(...parts: readonly Part[]): Promise<void> {
    if (this.#isBroken) return Promise.resolve();
    const [only] = parts;
    // What a flood consists of goes into the buffer in one step.
    if (parts.length === 1 && typeof only === "string") this.#enqueue(`${only}${NEWLINE}`);
    else [...parts, NEWLINE].forEach((part) => this.#enqueue(part));
    this.#writing ??= this.#drain();
    return this.#writing;
  }

  /** Resolves when nothing waits any more. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #enqueue(part: Part): void {
    this.#queue.push(part);
    this.#queuedCharacters += part.length;
  }

  async #drain(): Promise<void> {
    // What is answered in the same turn leaves in one write.
    await Promise.resolve();
    try {
      while (this.#queue.length > 0) {
        const parts = this.#queue;
        this.#queue = [];
        for (const part of parts) {
          let rest = this.#take(part);
          while (rest.length > 0) {
            await this.#writeOut();
            rest = this.#take(rest);
          }
          this.#queuedCharacters -= part.length;
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

  /** Puts the part behind what is in the buffer; returns what there was no room for. */
  #take(part: Part): Part {
    const room = this.#buffer.subarray(this.#buffered);
    if (typeof part !== "string") {
      const fitting = part.subarray(0, room.byteLength);
      room.set(fitting);
      this.#buffered += fitting.byteLength;
      // Bytes make no garbage themselves, but what has led to them does.
      countTraffic(fitting.byteLength / 64);
      return part.subarray(fitting.byteLength);
    }
    const { read, written } = encoder.encodeInto(part, room);
    this.#buffered += written;
    countTraffic(written);
    return read === part.length ? "" : part.slice(read);
  }

  async #writeOut(): Promise<void> {
    for (let sent = 0; sent < this.#buffered;) {
      sent += await this.sink.write(this.#buffer.subarray(sent, this.#buffered));
    }
    this.#writtenBytes += this.#buffered;
    this.#buffered = 0;
  }
}
