/**
 * Reads lines of bounded length from a connection.
 *
 * @module
 */

const NEWLINE = 0x0a;
const READ_BYTES = 16 * 1024;

/** A source of bytes. */
export interface ByteSource {
  read(buffer: Uint8Array): Promise<number | null>;
}

/** Reads one line after the other. */
export class LineReader {
  readonly #source: ByteSource;
  readonly #limit: number;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  /** @param limit The longest line, in bytes. */
  constructor(source: ByteSource, limit: number) {
    this.#source = source;
    this.#limit = limit;
  }

  /**
   * The next line without its newline; `undefined` at the end of the connection, also if that is
   * within a line.
   *
   * @throws {Error} for a line over the limit, or one that is not UTF-8.
   */
  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf(NEWLINE);
      if (end >= 0) {
        const line = this.#rest.subarray(0, end);
        this.#rest = this.#rest.subarray(end + 1);
        return new TextDecoder("utf-8", { fatal: true }).decode(line);
      }
      if (this.#rest.byteLength > this.#limit) {
        throw new Error(`a message has more than ${this.#limit} bytes`);
      }
      const read = await this.#source.read(this.#buffer);
      if (read === null) return undefined;
      const joined = new Uint8Array(this.#rest.byteLength + read);
      joined.set(this.#rest);
      joined.set(this.#buffer.subarray(0, read), this.#rest.byteLength);
      this.#rest = joined;
    }
  }
}
