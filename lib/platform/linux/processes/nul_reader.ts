/**
 * Reads NUL-terminated pieces of a child's output, such as that of find(1) -print0.
 *
 * @module
 */

import { countPipeRead } from "../../../base/memory/garbage.ts";
import { giveBuffer, takeBuffer } from "../../../base/memory/spare_buffers.ts";

const CHUNK_BYTES = 64 * 1024;
const EMPTY = new Uint8Array(0);

/** The NUL-terminated pieces of a stream, and then its rest as text. */
export class NulReader {
  readonly #reader: ReadableStreamBYOBReader;
  #buffer = takeBuffer(CHUNK_BYTES).buffer;
  #chunk = EMPTY;
  /** Where the next piece starts in the chunk. An offset: a view for each rest would be garbage. */
  #start = 0;
  #unfinished = EMPTY;

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.getReader({ mode: "byob" });
  }

  /** The next piece without its NUL, or `undefined` at the end of the stream. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const piece = this.nextHere();
      if (piece !== undefined) return piece;
      if (this.#start < this.#chunk.byteLength) this.#unfinished = this.#joined();
      if (!await this.#fill()) return undefined;
    }
  }

  /**
   * The next piece if it has been read already. Thousands of pieces come in one read, and a promise
   * for each would be garbage.
   */
  nextHere(): Uint8Array | undefined {
    const end = this.#chunk.indexOf(0, this.#start);
    if (end < 0) return undefined;
    const piece = this.#joined(end);
    this.#start = end + 1;
    this.#unfinished = EMPTY;
    return piece;
  }

  /** The rest of the stream, as text. */
  async rest(): Promise<string> {
    const decoder = new TextDecoder();
    let text = decoder.decode(this.#chunk.subarray(this.#start), { stream: true });
    while (await this.#fill()) text += decoder.decode(this.#chunk, { stream: true });
    if (!this.#buffer.detached) giveBuffer(new Uint8Array(this.#buffer));
    return text + decoder.decode();
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }

  /** What was left of the chunks before, and this chunk up to `end`. */
  #joined(end?: number): Uint8Array<ArrayBuffer> {
    const part = this.#chunk.subarray(this.#start, end);
    // The next read overwrites the chunk.
    if (this.#unfinished.byteLength === 0) return end === undefined ? part.slice() : part;
    const joined = new Uint8Array(this.#unfinished.byteLength + part.byteLength);
    joined.set(this.#unfinished);
    joined.set(part, this.#unfinished.byteLength);
    return joined;
  }

  async #fill(): Promise<boolean> {
    const { value, done } = await this.#reader.read(new Uint8Array(this.#buffer));
    countPipeRead();
    // A cancelled read has kept the buffer.
    if (value === undefined) return false;
    this.#buffer = value.buffer;
    if (done) return false;
    this.#chunk = value;
    this.#start = 0;
    return true;
  }
}
