/**
 * Reads a child's output as it arrives.
 *
 * @module
 */

import { countPipeRead } from "../../base/memory/garbage.ts";
import { giveBuffer, takeBuffer } from "../../base/memory/spare_buffers.ts";
import { withTimer } from "../../base/waiting.ts";

/** Most commands print less, and print it at the end: until then each stream holds a buffer. */
const QUIET_BUFFER_BYTES = 1024;
/** The buffer of a stream that fills the other … */
const BUSY_BUFFER_BYTES = 16 * 1024;
/** … of which there are so many, or half a megabyte would wait for the output of sixteen commands. */
const MAX_BUSY_BUFFERS = 16;

let busyBuffers = 0;

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
  #handling: Promise<void> | undefined;

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
    // One buffer at a time, passed back and forth.
    const buffers = new ReadBuffers();
    using _buffers = buffers;
    try {
      for (;;) {
        const { value, done } = await this.#reader.read(buffers.next());
        // A cancelled read keeps the buffer.
        if (value === undefined) return;
        if (!done) {
          countPipeRead();
          this.#received += value.byteLength;
          this.#handling = this.#onChunk(value) ?? undefined;
          if (this.#handling !== undefined) await this.#handling;
          this.#handling = undefined;
        }
        buffers.takeBack(value);
        if (done) return;
      }
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
    let deadline = performance.now() + MAX_LINGER_MS;
    let hasEnded = false;
    const ended = this.ended.then(() => void (hasEnded = true));
    for (let before = -1; before !== this.#received && performance.now() < deadline;) {
      before = this.#received;
      await withTimer(QUIET_MS, ended);
      if (hasEnded) return;
      if (this.#handling !== undefined) {
        // Nothing was read meanwhile, so it is not known whether there is more.
        const start = performance.now();
        await this.#handling.catch(() => {});
        deadline += performance.now() - start;
        before = -1;
      }
    }
    await this.#reader.cancel().catch(() => {});
    await ended;
  }
}

/** The buffer of one stream: a small one while it is quiet, and a larger one while it is not. */
class ReadBuffers implements Disposable {
  #quiet: ArrayBuffer = new ArrayBuffer(QUIET_BUFFER_BYTES);
  #busy: ArrayBuffer | undefined;
  #isBusy = false;

  /** What to read into; the one who reads has it until {@link takeBack}. */
  next(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#busy ?? this.#quiet);
  }

  /** Takes back what was read into. */
  takeBack({ buffer, byteLength }: Uint8Array<ArrayBuffer>): void {
    if (!this.#isBusy) {
      this.#quiet = buffer;
      if (byteLength === buffer.byteLength) this.#becomeBusy();
      return;
    }
    this.#busy = buffer;
    if (byteLength <= QUIET_BUFFER_BYTES) this.#becomeQuiet();
  }

  #becomeBusy(): void {
    if (busyBuffers >= MAX_BUSY_BUFFERS) return;
    busyBuffers += 1;
    this.#isBusy = true;
    this.#busy = takeBuffer(BUSY_BUFFER_BYTES).buffer;
  }

  #becomeQuiet(): void {
    if (!this.#isBusy) return;
    busyBuffers -= 1;
    this.#isBusy = false;
    // A cancelled read has kept it.
    if (this.#busy !== undefined && !this.#busy.detached) giveBuffer(new Uint8Array(this.#busy));
    this.#busy = undefined;
  }

  [Symbol.dispose](): void {
    this.#becomeQuiet();
  }
}
