/**
 * How many entries of a list fit one message.
 *
 * @module
 */

const encoder = new TextEncoder();

/** The bytes of a value as JSON. */
export const bytesOf = (value: unknown): number => encoder.encode(JSON.stringify(value)).byteLength;

/** What is left of a message for lists. */
export class Room {
  #bytes: number;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /**
   * Takes the first entries that fit.
   *
   * @param share The part of what is left that they may fill. @default {1}
   */
  take<Entry>(entries: readonly Entry[], share = 1): Entry[] {
    let left = this.#bytes * share;
    const fitting: Entry[] = [];
    for (const entry of entries) {
      // With the comma after it.
      const bytes = bytesOf(entry) + 1;
      if (bytes > left) break;
      left -= bytes;
      this.#bytes -= bytes;
      fitting.push(entry);
    }
    return fitting;
  }
}
