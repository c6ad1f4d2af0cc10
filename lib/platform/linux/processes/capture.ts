/**
 * Keeping the beginning of what a child prints, and discarding the rest as it arrives.
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
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
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
        // A cancelled read has kept the buffer.
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
    const kept = chunk.slice(0, room);
    this.#chunks.push(kept);
    this.#size += kept.byteLength;
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

  /** What was kept so far. */
  get captured(): CapturedOutput {
    countOutput(this.#size);
    const bytes = new Uint8Array(this.#size);
    let offset = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, offset);
      offset += chunk.byteLength;
    }
    return { bytes, truncated: this.#received > this.#size };
  }
}
