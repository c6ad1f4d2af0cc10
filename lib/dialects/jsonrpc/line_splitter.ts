/**
 * Splits bytes into bounded lines and checks that they are UTF-8.
 *
 * All outside data arrives here first and nothing in it is trusted: an oversized line is reported
 * once and the rest discarded as it arrives; a line that is not UTF-8 is reported and skipped. At
 * most one unfinished line is kept.
 *
 * `TextDecoderStream` and `TextLineStream` could do the splitting, but without a JIT compiler three
 * piped streams take 95 µs per request; this takes 19 µs (docs/performance.md).
 *
 * @module
 */

/** Receives what arrives. */
export interface LineSink {
  /** A line without its newline, never empty. */
  onLine(line: string): void;
  /** An empty line. */
  onEmpty?(): void;
  /** A line has exceeded the limit; called once for each such line. */
  onTooLong(): void;
  /** A line was not UTF-8. */
  onNotUtf8(): void;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** Whole lines up to this are decoded in one step, which costs as much as one short line. */
const WHOLE_BYTES = 16 * 1024;

/** Splits the bytes given to {@link LineSplitter.push} into lines. */
export class LineSplitter {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** Grows up to the limit and is kept: one per long line would be freed too late. */
  #unfinished = new Uint8Array(0);
  #unfinishedBytes = 0;
  #isDiscarding = false;

  /** @param limit The most bytes of a line, without its newline; may be changed at any time. */
  constructor(public limit: number, readonly sink: LineSink) {}

  /** Takes received bytes; the caller may reuse the buffer afterwards. */
  push(chunk: Uint8Array): void {
    const lines = this.#wholeLines(chunk);
    if (lines !== undefined) return this.#deliverText(lines);
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) return this.#keep(chunk.subarray(start));
      this.#finish(chunk.subarray(start, end));
      start = end + 1;
    }
  }

  /** Gives back what lines longer than this took, unless one is unfinished. */
  release(bytes: number): void {
    if (this.#unfinishedBytes === 0 && this.#unfinished.byteLength > bytes) {
      this.#unfinished = new Uint8Array(0);
    }
  }

  /** Drops an unfinished line, whose sender has disconnected. */
  reset(): void {
    this.#unfinishedBytes = 0;
    this.#isDiscarding = false;
  }

  /** The text of a chunk of whole lines that are within the limit; `undefined` for any other. */
  #wholeLines(chunk: Uint8Array): string | undefined {
    const { byteLength } = chunk;
    if (this.#unfinishedBytes > 0 || this.#isDiscarding) return undefined;
    if (byteLength > WHOLE_BYTES || byteLength > this.limit) return undefined;
    return chunk[byteLength - 1] === NEWLINE ? this.#decode(chunk) : undefined;
  }

  #deliverText(lines: string): void {
    for (let start = 0; start < lines.length;) {
      const next = lines.indexOf("\n", start) + 1;
      const hasReturn = lines.charCodeAt(next - 2) === CARRIAGE_RETURN;
      const end = hasReturn && next - 1 > start ? next - 2 : next - 1;
      if (end === start) this.sink.onEmpty?.();
      else this.sink.onLine(lines.slice(start, end));
      start = next;
    }
  }

  #keep(part: Uint8Array): void {
    if (part.byteLength === 0 || this.#isDiscarding) return;
    // The byte after the limit may still be the carriage return of CRLF.
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
      // Doubling avoids copying a line for each byte when it arrives byte by byte.
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
    if (line.byteLength === 0) return this.sink.onEmpty?.();
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
