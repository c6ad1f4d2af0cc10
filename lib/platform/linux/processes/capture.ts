/**
 * Keeps the beginning of a child's output and discards the rest as it arrives.
 *
 * @module
 */

import type { CapturedOutput } from "../../../guest/commands.ts";
import { countOutput, countPipeRead } from "../../../base/memory/garbage.ts";
import { giveBuffer, takeBuffer } from "../../../base/memory/spare_buffers.ts";
import { withTimer } from "../../../base/waiting.ts";

const CHUNK_BYTES = 16 * 1024;
const QUIET_MS = 50;
const MAX_LINGER_MS = 500;

/** Reads a stream to its end and keeps a limited number of bytes. */
export class Capture {
  /** Resolves at the end of the stream. */
  readonly ended: Promise<void>;
  readonly #reader: ReadableStreamBYOBReader;
  readonly #limit: number;
  #kept: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #size = 0;
  #received = 0;

  /** @param limit How many bytes are kept. */
  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>, limit: number) {
    this.#reader = stream.getReader({ mode: "byob" });
    this.#limit = limit;
    this.ended = this.#pump();
  }

  async #pump(): Promise<void> {
    // One buffer for the whole stream, passed back and forth.
    let { buffer } = takeBuffer(CHUNK_BYTES);
    try {
      for (;;) {
        const { value, done } = await this.#reader.read(new Uint8Array(buffer));
        // A cancelled read keeps the buffer.
        if (value === undefined) return;
        buffer = value.buffer;
        if (done) break;
        this.#keep(value);
      }
      giveBuffer(new Uint8Array(buffer));
    } catch {
      // The pipe broke or was cancelled: what arrived before is the output.
    }
  }

  #keep(chunk: Uint8Array<ArrayBuffer>): void {
    countPipeRead();
    this.#received += chunk.byteLength;
    const room = this.#limit - this.#size;
    if (room <= 0) return;
    const fitting = chunk.subarray(0, room);
    this.#makeRoomFor(this.#size + fitting.byteLength);
    this.#kept.set(fitting, this.#size);
    this.#size += fitting.byteLength;
  }

  #makeRoomFor(needed: number): void {
    if (needed <= this.#kept.byteLength) return;
    const doubled = Math.min(this.#limit, 2 * this.#kept.byteLength);
    const larger = takeBuffer(Math.max(needed, doubled));
    larger.set(this.#kept.subarray(0, this.#size));
    giveBuffer(this.#kept);
    this.#kept = larger;
  }

  /**
   * Stops reading once the child has exited. Normally the stream has ended by then. If a process that
   * the child left behind still holds the pipe, this reads what was printed so far and closes the
   * pipe.
   */
  async finish(): Promise<void> {
    const deadline = performance.now() + MAX_LINGER_MS;
    let hasEnded = false;
    const ended = this.ended.then(() => void (hasEnded = true));
    for (let before = -1; before !== this.#received && performance.now() < deadline;) {
      before = this.#received;
      await withTimer(QUIET_MS, ended);
      if (hasEnded) return;
    }
    await this.#reader.cancel().catch(() => {});
    await ended;
  }

  /** What was kept. Nothing may arrive any more. */
  take(): CapturedOutput {
    countOutput(this.#size);
    const kept = this.#kept;
    this.#kept = new Uint8Array(0);
    const isMostlyFull = this.#size > kept.byteLength / 2;
    // A large output is not copied: with ten commands at a time the copies would take a megabyte.
    const bytes = isMostlyFull ? kept.subarray(0, this.#size) : kept.slice(0, this.#size);
    if (!isMostlyFull) giveBuffer(kept);
    return { bytes, truncated: this.#received > this.#size };
  }
}
