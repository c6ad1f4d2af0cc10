/**
 * Keeps the beginning of a child's output and discards the rest as it arrives.
 *
 * @module
 */

import type { CapturedOutput } from "../../guest/commands.ts";
import { countOutput } from "../../base/memory/garbage.ts";
import type { OutputShare } from "../../base/memory/output_budget.ts";
import { giveBuffer, takeBuffer } from "../../base/memory/spare_buffers.ts";
import { PipeReader } from "./pipe_reader.ts";

/** A longer output gets the largest buffer at once: smaller ones in between would be left over. */
const FIRST_BUFFER_BYTES = 16 * 1024;

/** Reads a stream to its end and keeps a limited number of bytes. */
export class Capture {
  readonly #reader: PipeReader;
  readonly #limit: number;
  readonly #share: OutputShare | undefined;
  /** The other stream, if both have one limit. */
  #other: Capture | undefined;
  #kept: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #size = 0;
  /** Whether there was no room for more. */
  #isClosed = false;

  /**
   * @param limit How many bytes are kept.
   * @param share Where the room for them comes from.
   */
  constructor(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    limit: number,
    share?: OutputShare,
  ) {
    this.#limit = limit;
    this.#share = share;
    this.#reader = new PipeReader(stream, (chunk) => this.#keep(chunk));
  }

  /**
   * Captures two streams with one limit. Each may use half, and what the other one does not need: the
   * end of one that has used more is dropped once the other needs it.
   */
  static pair(
    streams: readonly ReadableStream<Uint8Array<ArrayBuffer>>[],
    limit: number,
    share?: OutputShare,
  ): readonly Capture[] {
    const captures = streams.map((stream) => new Capture(stream, limit, share));
    const [first, second] = captures;
    if (first !== undefined) first.#other = second;
    if (second !== undefined) second.#other = first;
    return captures;
  }

  /** Resolves at the end of the stream. */
  get ended(): Promise<void> {
    return this.#reader.ended;
  }

  /** As {@link PipeReader.finish}. */
  async finish(): Promise<void> {
    await this.#reader.finish();
  }

  /** How many bytes may be kept now. */
  get #mostBytes(): number {
    return mostBeside(this.#other === undefined ? 0 : this.#other.#size, this.#limit);
  }

  #keep(chunk: Uint8Array<ArrayBuffer>): Promise<void> | void {
    const fitting = this.#fittingOf(chunk);
    if (fitting.byteLength === 0) return;
    const taken = this.#share?.take(fitting.byteLength) ?? true;
    if (taken === true) return this.#add(fitting);
    return taken.then((isGranted) => {
      if (!isGranted) {
        this.#isClosed = true;
        return;
      }
      // Meanwhile the other stream may have taken what both share.
      const stillFitting = this.#fittingOf(fitting);
      this.#share?.give(fitting.byteLength - stillFitting.byteLength);
      this.#add(stillFitting);
    });
  }

  #fittingOf(chunk: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const room = this.#isClosed ? 0 : this.#mostBytes - this.#size;
    return chunk.subarray(0, Math.max(0, room));
  }

  #add(bytes: Uint8Array<ArrayBuffer>): void {
    this.#makeRoomFor(this.#size + bytes.byteLength);
    this.#kept.set(bytes, this.#size);
    this.#size += bytes.byteLength;
    if (this.#other !== undefined) this.#other.#trim(mostBeside(this.#size, this.#limit));
  }

  /** Drops what is beyond this size. */
  #trim(size: number): void {
    if (this.#size <= size) return;
    this.#share?.give(this.#size - size);
    this.#size = size;
  }

  #makeRoomFor(needed: number): void {
    if (needed <= this.#kept.byteLength) return;
    const larger = takeBuffer(needed <= FIRST_BUFFER_BYTES ? FIRST_BUFFER_BYTES : this.#limit);
    larger.set(this.#kept.subarray(0, this.#size));
    giveBuffer(this.#kept);
    this.#kept = larger;
  }

  /** What was kept. Nothing may arrive any more. */
  take(): CapturedOutput {
    countOutput(this.#size);
    const kept = this.#kept;
    this.#kept = new Uint8Array(0);
    const truncated = this.#reader.received > this.#size;
    const isMostlyFull = this.#size > kept.byteLength / 2;
    // A large output is not copied: with ten commands at a time the copies would take a megabyte.
    if (isMostlyFull) {
      return { bytes: kept.subarray(0, this.#size), truncated, release: () => giveBuffer(kept) };
    }
    const bytes = kept.slice(0, this.#size);
    giveBuffer(kept);
    return { bytes, truncated };
  }
}

/** How many bytes of a limit one stream may keep beside the other. */
const mostBeside = (otherBytes: number, limit: number): number =>
  otherBytes === 0 ? limit : Math.max(Math.floor(limit / 2), limit - otherBytes);
