/**
 * Random numbers that can be reproduced from a seed.
 *
 * @module
 */

/** 2^32. */
const RANGE = 0x1_0000_0000;

/** The sfc32 generator (Chris Doty-Humphrey, PractRand), seeded from text. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: string) {
    // FNV-1a, with a different start value for each word.
    const hash = (basis: number) =>
      [...new TextEncoder().encode(seed)].reduce(
        (sum, byte) => Math.imul(sum ^ byte, 0x0100_0193) >>> 0,
        basis,
      );
    [this.#a, this.#b, this.#c] = [hash(0x811c_9dc5), hash(0x9e37_79b9), hash(0x85eb_ca6b)];
    for (let round = 0; round < 12; round++) this.#next();
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return sum >>> 0;
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.#next() / RANGE * count);
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True once in `count` times on average. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  /** One of the values. */
  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError("there is nothing to pick from");
    return value;
  }

  /** Up to `most` of what `make` makes. */
  many<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  /** Random bytes. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }
}
