/**
 * A page of the names in a directory of any size, in bounded memory.
 *
 * @module
 */

import type { NulReader } from "../processes/nul_reader.ts";

/** What find(1) puts before each name. */
export const NAME_PREFIX = "./";

/** The first names after a given one, in sorted order. */
export class NamePage {
  /** Sorted by UTF-16 code units, once {@link read} has ended. */
  names: string[] = [];
  /** The number of names that are not UTF-8; they are left out. */
  notUtf8 = 0;
  #count = 0;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  /**
   * @param after Only names after this one are kept.
   * @param limit The maximum number of names.
   */
  constructor(readonly after: string, readonly limit: number) {}

  /** The number of names after the page. */
  get following(): number {
    return this.#count - this.names.length;
  }

  /** Reads names up to the empty one; returns false if the stream ends before it. */
  async read(reader: NulReader): Promise<boolean> {
    for (;;) {
      const bytes = reader.nextHere() ?? await reader.next();
      if (bytes === undefined) return false;
      if (bytes.byteLength === 0) break;
      this.#take(bytes);
    }
    this.#shrink();
    return true;
  }

  #take(bytes: Uint8Array): void {
    let name: string;
    try {
      name = this.#decoder.decode(bytes).slice(NAME_PREFIX.length);
    } catch {
      this.notUtf8 += 1;
      return;
    }
    if (name <= this.after) return;
    this.#count += 1;
    this.names.push(name);
    // Done rarely, so that many names share the cost of sorting.
    if (this.names.length >= 2 * this.limit + 100) this.#shrink();
  }

  #shrink(): void {
    // Not localeCompare: the order must be the same for every call.
    this.names.sort((a, b) => a < b ? -1 : 1);
    this.names.length = Math.min(this.names.length, this.limit);
  }
}
