/**
 * Reads a child's output as it arrives.
 *
 * @module
 */

import { countPipeRead } from "../../base/memory/garbage.ts";
import { giveBuffer, takeBuffer } from "../../base/memory/spare_buffers.ts";
import { withTimer } from "../../base/waiting.ts";

const CHUNK_BYTES = 16 * 1024;
/**
 * For how long nothing must arrive once the child has exited. On a loaded machine, what it printed
 * last has arrived more than 50 ms later.
 */
const QUIET_MS = 200;
const MAX_LINGER_MS = 1000;

/**
 * Takes what was read. The bytes are valid until it returns, or until the promise that it returns
 * resolves; only then is more read.
 */
export type ChunkHandler = (chunk: Uint8Array<ArrayBuffer>) => Promise<void> | void;

/** Reads a stream to its end. */
export class PipeReader {
  /** Resolves at the end of the stream. */
  readonly ended: Promise<void>;
  readonly #reader: ReadableStreamBYOBReader;
  readonly #onChunk: ChunkHandler;
  #received = 0;

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>, onChunk: ChunkHandler) {
    this.#reader = stream.getReader({ mode: "byob" });
    this.#onChunk = onChunk;
    this.ended = this.#pump();
  }

  /** Bytes that were read so far. */
  get received(): number {
    return this.#received;
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
        countPipeRead();
        this.#received += value.byteLength;
        const handled = this.#onChunk(value);
        if (handled !== undefined) await handled;
      }
      giveBuffer(new Uint8Array(buffer));
    } catch {
      // The pipe broke or was cancelled: what arrived before is the output.
    }
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
}
