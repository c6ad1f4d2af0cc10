/**
 * Keeping the beginning of what a child prints, and throwing the rest away as it comes.
 *
 * @module
 */

import type { CapturedOutput } from "../../../guest/commands.ts";
import { giveBuffer, takeBuffer } from "../../../base/memory/spare_buffers.ts";
import { withTimer } from "../../../base/waiting.ts";

const CHUNK_BYTES = 16 * 1024;
const QUIET_MS = 50;
const MAX_LINGER_MS = 500;

/** Reads a stream to its end, keeping at most a number of bytes. */
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
    // One buffer for the whole stream, handed back and forth.
    let { buffer } = takeBuffer(CHUNK_BYTES);
    try {
      for (;;) {
        const { value, done } = await this.#reader.read(new Uint8Array(buffer));
        // A reading that was given up has kept the buffer.
        if (value === undefined) return;
        buffer = value.buffer;
        if (done) break;
        this.#keep(value);
      }
      giveBuffer(new Uint8Array(buffer));
    } catch {
      // The pipe broke or was given up: what came until then is the output.
    }
  }

  #keep(chunk: Uint8Array<ArrayBuffer>): void {
    this.#received += chunk.byteLength;
    const room = this.#limit - this.#size;
    if (room <= 0) return;
    const kept = chunk.slice(0, room);
    this.#chunks.push(kept);
    this.#size += kept.byteLength;
  }

  /**
   * Ends the reading once the child is gone. Normally the stream has ended with it; where something
   * it left behind still holds the pipe, what was printed by then is read and the pipe let go.
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
    const bytes = new Uint8Array(this.#size);
    let offset = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, offset);
      offset += chunk.byteLength;
    }
    return { bytes, truncated: this.#received > this.#size };
  }
}
