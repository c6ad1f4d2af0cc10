/**
 * Writes messages to the host: in order, several per write, with a bounded queue.
 *
 * @module
 */

import {
  collectIfDue,
  countQueued,
  countSentBytes,
  countSentText,
} from "../base/memory/garbage.ts";
import { UnescapedBytes } from "../base/json_text.ts";
import { type Part, releasePart, type ReplyLink } from "./dialect.ts";

/** The destination of a writer. */
export interface ByteSink {
  /** Writes some of the bytes and resolves to their number. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Reading pauses while more characters than this are queued. */
const HIGH_WATER_CHARACTERS = 64 * 1024;

/** Bytes encoded and written at once. */
const CHUNK_BYTES = 64 * 1024;
/** Short texts are joined up to this and encoded in one step, which costs as much as one of them. */
const JOINED_CHARACTERS = 4096;

const encoder = new TextEncoder();
const NEWLINE = 0x0a;

/** Parts that wait, and what resolves when they have been written or dropped. */
interface Held {
  readonly parts: Part[];
  readonly sent: PromiseWithResolvers<void>;
}

/** Sends messages. After a failed write the host counts as gone, and messages are dropped. */
export class MessageWriter implements ReplyLink {
  /** Kept for the life of the writer: one per answer would be freed too late. */
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  #buffered = 0;
  /** What is left of a part that did not fit the buffer. */
  #rest: string | Uint8Array | undefined;
  #queue: Part[] = [];
  #queuedCharacters = 0;
  #writing: Promise<void> | undefined;
  /** Resolved when what is queued, or being written, has been written or dropped. */
  #queuedSent: PromiseWithResolvers<void> | undefined;
  #writingSent: PromiseWithResolvers<void> | undefined;
  /** What waits until it is known that a host is there. */
  #held: Held | undefined;
  #isBroken = false;
  #writtenBytes = 0;
  /**
   * Counts calls of {@link discard}: parts taken from the queue before one belong to a host that
   * has left.
   */
  #era = 0;
  /** Whether the last byte written left a line unfinished. */
  #isMidLine = false;

  constructor(readonly sink: ByteSink, readonly onBroken: (error: unknown) => void) {}

  /** Whether the queue is so full that nothing more should be read. */
  get isCongested(): boolean {
    return this.#queuedCharacters > HIGH_WATER_CHARACTERS;
  }

  /** Bytes written so far. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Resolves when everything sent so far has been written or dropped. */
  send(...parts: readonly Part[]): Promise<void> {
    if (this.#isBroken) {
      parts.forEach(releasePart);
      return Promise.resolve();
    }
    const queue = this.#held?.parts ?? this.#queue;
    for (const part of parts) {
      queue.push(part);
      this.#queuedCharacters += part.length;
    }
    if (this.#held !== undefined) return this.#held.sent.promise;
    // Not the end of all writing: a later message may wait for a host for years.
    const { promise } = this.#queuedSent ??= Promise.withResolvers<void>();
    this.#writing ??= this.#drain();
    return promise;
  }

  /** Resolves when the queue is empty. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /**
   * Holds what is queued, and what is sent from now on, until {@link release} or {@link dropHeld}.
   *
   * @param first Sends what goes out before that.
   */
  hold(first: () => void): void {
    const held = {
      parts: this.#queue,
      sent: this.#queuedSent ?? Promise.withResolvers<void>(),
    };
    this.#queue = [];
    this.#queuedSent = undefined;
    first();
    this.#held = held;
  }

  /** Sends what is held. */
  release(): void {
    const { parts, sent } = this.#takeHeld();
    void this.send(...parts).then(sent.resolve);
  }

  /** Drops what is held: its host has left. */
  dropHeld(): void {
    const { parts, sent } = this.#takeHeld();
    parts.forEach(releasePart);
    sent.resolve();
  }

  #takeHeld(): Held {
    const held = this.#held ?? { parts: [], sent: Promise.withResolvers<void>() };
    this.#held = undefined;
    for (const { length } of held.parts) this.#queuedCharacters -= length;
    return held;
  }

  /**
   * Drops queued messages, whose host has disconnected. A write that is blocked in the kernel
   * cannot be taken back; if it ends within a line, that line is terminated before the next
   * message.
   */
  discard(): void {
    this.#era += 1;
    this.dropHeld();
    this.#queue.forEach(releasePart);
    this.#queue = [];
    this.#queuedSent?.resolve();
    this.#writingSent?.resolve();
    this.#queuedSent = this.#writingSent = undefined;
    this.#queuedCharacters = 0;
  }

  /** One function, since each that waits costs as much as encoding a short message. */
  async #drain(): Promise<void> {
    // Replies from the same event-loop turn go out in one write.
    await undefined;
    try {
      while (this.#queue.length > 0) {
        const queued = this.#queue;
        this.#queue = [];
        countQueued(queued.length);
        const allSent = this.#writingSent = this.#queuedSent;
        this.#queuedSent = undefined;
        const era = this.#era;
        const parts = joined(queued);
        try {
          for (let next = 0; next < parts.length && era === this.#era;) {
            const first = next;
            next = this.#fill(parts, first);
            const length = this.#buffered;
            let sent = 0;
            // What is left of it when the host leaves is dropped.
            while (sent < length && era === this.#era) {
              const writing = this.sink.write(this.#buffer.subarray(sent, length));
              // Now that the host has work, there is time to prepare what it may request next.
              if (sent === 0) parts.slice(first, next).forEach(releasePart);
              sent += await writing;
            }
            this.#countWritten(sent);
          }
          if (era !== this.#era) this.#endCutLine();
        } finally {
          this.#rest = undefined;
          parts.forEach(releasePart);
        }
        allSent?.resolve();
      }
      collectIfDue();
    } catch (error) {
      this.#isBroken = true;
      this.discard();
      this.onBroken(error);
    } finally {
      this.#writing = undefined;
    }
  }

  /**
   * Fills the buffer from the parts, beginning with the one that has this number; returns the number
   * of the first one of which something is left.
   */
  #fill(parts: readonly Part[], first: number): number {
    for (let next = first; next < parts.length; next++) {
      const part = parts[next] ?? "";
      const rest = this.#encode(
        this.#rest ?? (part instanceof UnescapedBytes ? part.bytes : part),
      );
      this.#rest = rest.length > 0 ? rest : undefined;
      if (rest.length > 0) return next;
      this.#queuedCharacters -= part.length;
    }
    return parts.length;
  }

  #endCutLine(): void {
    if (!this.#isMidLine) return;
    this.#buffer[0] = NEWLINE;
    this.#buffered = 1;
  }

  /** Appends the part to the buffer; returns the rest that did not fit. */
  #encode(part: string | Uint8Array): string | Uint8Array {
    const room = this.#buffered === 0 ? this.#buffer : this.#buffer.subarray(this.#buffered);
    if (typeof part !== "string") {
      const fitting = part.subarray(0, room.byteLength);
      room.set(fitting);
      this.#buffered += fitting.byteLength;
      countSentBytes(fitting.byteLength);
      return part.subarray(fitting.byteLength);
    }
    const { read, written } = encoder.encodeInto(part, room);
    this.#buffered += written;
    countSentText(written);
    return read === part.length ? "" : part.slice(read);
  }

  #countWritten(bytes: number): void {
    if (bytes > 0) this.#isMidLine = this.#buffer[bytes - 1] !== NEWLINE;
    this.#writtenBytes += bytes;
    this.#buffered = 0;
  }
}

/** The parts in their order, with short texts that follow each other as one. */
function joined(parts: readonly Part[]): readonly Part[] {
  if (parts.length === 1) return parts;
  const all: Part[] = [];
  let text = "";
  for (const part of parts) {
    if (typeof part === "string" && text.length + part.length <= JOINED_CHARACTERS) {
      text += part;
      continue;
    }
    if (text !== "") all.push(text);
    text = "";
    if (typeof part === "string") text = part;
    else all.push(part);
  }
  if (text !== "") all.push(text);
  return all;
}
