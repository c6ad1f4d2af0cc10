/**
 * Keeps the beginning of a child's output and discards the rest as it arrives.
 *
 * @module
 */

import type { CapturedOutput } from "../../guest/commands.ts";
import { countOutput } from "../../base/memory/garbage.ts";
import { giveBuffer, takeBuffer } from "../../base/memory/spare_buffers.ts";
import { PipeReader } from "./pipe_reader.ts";

/** Reads a stream to its end and keeps a limited number of bytes. */
export class Capture {
  readonly #reader: PipeReader;
  readonly #limit: number;
  #kept: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #size = 0;

  /** @param limit How many bytes are kept. */
  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>, limit: number) {
    this.#limit = limit;
    this.#reader = new PipeReader(stream, (chunk) => this.#keep(chunk));
  }

  /** Resolves at the end of the stream. */
  get ended(): Promise<void> {
    return this.#reader.ended;
  }

  /** As {@link PipeReader.finish}. */
  async finish(): Promise<void> {
    await this.#reader.finish();
  }

  #keep(chunk: Uint8Array<ArrayBuffer>): void {
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

  /** What was kept. Nothing may arrive any more. */
  take(): CapturedOutput {
    countOutput(this.#size);
    const kept = this.#kept;
    this.#kept = new Uint8Array(0);
    const isMostlyFull = this.#size > kept.byteLength / 2;
    // A large output is not copied: with ten commands at a time the copies would take a megabyte.
    const bytes = isMostlyFull ? kept.subarray(0, this.#size) : kept.slice(0, this.#size);
    if (!isMostlyFull) giveBuffer(kept);
    return { bytes, truncated: this.#reader.received > this.#size };
  }
}
