/**
 * The buffer that a connection is read into: an idle one costs little, a busy one takes much at a time.
 *
 * @module
 */

const BYTES = { least: 4 * 1024, most: 64 * 1024 } as const;
/** Small reads in a row before it shrinks: those between large ones are the ends of long lines. */
const SMALL_READS = 8;

/** A buffer that grows while reads fill it, and shrinks again after several small ones. */
export class ReadBuffer {
  #bytes = new Uint8Array(BYTES.least);
  #smallReads = 0;

  /** What to read into; what has been read is in it until {@link adapt}. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Whether it takes the least. */
  get isSmall(): boolean {
    return this.#bytes.byteLength === BYTES.least;
  }

  /** Adapts it to what has been read and used. */
  adapt(read: number): void {
    this.#smallReads = read < BYTES.least ? this.#smallReads + 1 : 0;
    const isFull = read === this.#bytes.byteLength;
    if (isFull && read < BYTES.most) this.#bytes = new Uint8Array(2 * read);
    else if (this.#smallReads >= SMALL_READS && !this.isSmall) this.shrink();
  }

  /** Gives back what it takes beyond the least. */
  shrink(): void {
    this.#bytes = new Uint8Array(BYTES.least);
  }
}
