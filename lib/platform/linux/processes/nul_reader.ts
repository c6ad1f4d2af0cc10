/**
 * Reads NUL-terminated pieces of a child's output, such as that of find(1) -print0.
 *
 * @module
 */

import { countPipeRead } from "../../../base/memory/garbage.ts";
import { giveBuffer, takeBuffer } from "../../../base/memory/spare_buffers.ts";

const CHUNK_BYTES = 64 * 1024;

/** The NUL-terminated pieces of a stream, and then its rest as text. */
export class NulReader {
  readonly #reader: ReadableStreamBYOBReader;
  #buffer = takeBuffer(CHUNK_BYTES).buffer;
  #chunk = new Uint8Array(0);
  #unfinished = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.getReader({ mode: "byob" });
  }

  /** The next piece without its NUL, or `undefined` at the end of the stream. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const end = this.#chunk.indexOf(0);
      if (end >= 0) {
        const piece = this.#joined(this.#chunk.subarray(0, end));
        this.#chunk = this.#chunk.subarray(end + 1);
        this.#unfinished = new Uint8Array(0);
        return piece;
      }
      this.#unfinished = this.#joined(this.#chunk).slice();
      if (!await this.#fill()) return undefined;
    }
  }

  /** The rest of the stream, as text. */
  async rest(): Promise<string> {
    const decoder = new TextDecoder();
    let text = decoder.decode(this.#chunk, { stream: true });
    while (await this.#fill()) text += decoder.decode(this.#chunk, { stream: true });
    if (!this.#buffer.detached) giveBuffer(new Uint8Array(this.#buffer));
    return text + decoder.decode();
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }

  #joined(part: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    if (this.#unfinished.byteLength === 0) return part;
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
    return true;
  }
}
