/**
 * Reads the lines of an agent: one that floods its channel with what nobody asked for is read more
 * slowly.
 *
 * @module
 */

import { LineSplitter } from "../lib/dialects/jsonrpc/line_splitter.ts";
import { UnaskedBudget } from "./budget.ts";
import { ReadBuffer } from "./read_buffer.ts";

/** Reads into a buffer; resolves to the number of bytes, or to `null` at the end. */
export type Read = (buffer: Uint8Array) => Promise<number | null>;

/** Takes a line; returns whether it was asked for. */
export type OnLine = (line: string) => boolean;

/** Reads lines until the end. */
export class LineReader {
  readonly #read: Read;
  readonly #splitter: LineSplitter;
  readonly #budget = new UnaskedBudget();
  readonly #stopped = Promise.withResolvers<void>();
  #isStopped = false;
  #askedBytes = 0;
  #unaskedLines = 0;

  /**
   * @param maxLineBytes Longer lines are skipped.
   * @param onSkipped Called for each line that is too long or not UTF-8.
   */
  constructor(read: Read, maxLineBytes: number, onLine: OnLine, onSkipped: () => void) {
    this.#read = read;
    const skip = () => {
      this.#unaskedLines += 1;
      onSkipped();
    };
    this.#splitter = new LineSplitter(maxLineBytes, {
      onLine: (line) => {
        if (onLine(line)) this.#askedBytes += line.length;
        else this.#unaskedLines += 1;
      },
      onTooLong: skip,
      onNotUtf8: skip,
    });
  }

  /** Ends a pause; nothing more is read. */
  stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve();
  }

  /**
   * Reads until the end, or until it is stopped.
   *
   * @throws The error of a read.
   */
  async readAll(): Promise<void> {
    const buffer = new ReadBuffer();
    while (!this.#isStopped) {
      const { bytes } = buffer;
      const read = await this.#read(bytes);
      if (read === null) return;
      this.#askedBytes = 0;
      this.#unaskedLines = 0;
      this.#splitter.push(bytes.subarray(0, read));
      if (this.#isStopped) return;
      // An answer spread over several reads counts as unsolicited until its end arrives.
      const waitMs = this.#budget.spend(this.#unaskedLines, read - this.#askedBytes);
      if (waitMs > 0) {
        buffer.shrink();
        await this.#pause(waitMs);
      } else {
        buffer.adapt(read);
      }
      if (buffer.isSmall) this.#splitter.release(0);
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    await Promise.race([promise, this.#stopped.promise]);
    clearTimeout(timer);
  }
}
