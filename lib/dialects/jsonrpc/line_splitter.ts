/**
 * Lines out of bytes: bounded, and checked to be UTF-8.
 *
 * This is where anything from outside first arrives, so nothing here trusts it: a line over the
 * limit is told once and its rest is thrown away as it comes, never stored; a line that is no UTF-8
 * is told and left out. What is kept is at most one unfinished line.
 *
 * `TextDecoderStream` and `TextLineStream` would do the splitting, but three piped streams cost a
 * request 95 µs without a JIT compiler, where this costs 19 (docs/performance.md).
 *
 * @module
 */

/** Receives what arrives. */
export interface LineSink {
  /** A line without its end, never empty. */
  onLine(line: string): void;
  /** A line over the limit has begun; told once for each such line. */
  onTooLong(): void;
  /** A line was not UTF-8. */
  onNotUtf8(): void;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Splits what {@link LineSplitter.push} is given into lines. */
export class LineSplitter {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** Grows to the limit at most and is kept: one for each long line would be freed too late. */
  #unfinished = new Uint8Array(0);
  #unfinishedBytes = 0;
  #isDiscarding = false;

  /** @param limit Bytes that a line may have, its end not counted; it may be changed any time. */
  constructor(public limit: number, readonly sink: LineSink) {}

  /** Takes the bytes that came; they may be reused afterwards. */
  push(chunk: Uint8Array): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) return this.#keep(chunk.subarray(start));
      this.#finish(chunk.subarray(start, end));
      start = end + 1;
    }
  }

  /** Forgets an unfinished line, when the one who was writing it is gone. */
  reset(): void {
    this.#unfinishedBytes = 0;
    this.#isDiscarding = false;
  }

  #keep(part: Uint8Array): void {
    if (part.byteLength === 0 || this.#isDiscarding) return;
    // One byte more than the limit may still be the carriage return of the line's end.
    if (this.#unfinishedBytes + part.byteLength > this.limit + 1) {
      this.reset();
      this.#isDiscarding = true;
      return this.sink.onTooLong();
    }
    this.#append(part);
  }

  #append(part: Uint8Array): void {
    const needed = this.#unfinishedBytes + part.byteLength;
    if (needed > this.#unfinished.byteLength) {
      // Doubling keeps a line that comes byte by byte from being copied each time.
      const doubled = Math.min(this.#unfinished.byteLength * 2, this.limit + 1);
      const grown = new Uint8Array(Math.max(needed, doubled, 1024));
      grown.set(this.#unfinished.subarray(0, this.#unfinishedBytes));
      this.#unfinished = grown;
    }
    this.#unfinished.set(part, this.#unfinishedBytes);
    this.#unfinishedBytes = needed;
  }

  #finish(part: Uint8Array): void {
    if (this.#isDiscarding) return this.reset();
    let line = part;
    if (this.#unfinishedBytes > 0) {
      if (this.#unfinishedBytes + part.byteLength > this.limit + 1) {
        this.reset();
        return this.sink.onTooLong();
      }
      this.#append(part);
      line = this.#unfinished.subarray(0, this.#unfinishedBytes);
      this.reset();
    }
    this.#deliver(line[line.byteLength - 1] === CARRIAGE_RETURN ? line.subarray(0, -1) : line);
  }

  #deliver(line: Uint8Array): void {
    if (line.byteLength === 0) return;
    if (line.byteLength > this.limit) return this.sink.onTooLong();
    const text = this.#decode(line);
    if (text === undefined) this.sink.onNotUtf8();
    else this.sink.onLine(text);
  }

  #decode(bytes: Uint8Array): string | undefined {
    try {
      return this.#decoder.decode(bytes);
    } catch {
      return undefined;
    }
  }
}
