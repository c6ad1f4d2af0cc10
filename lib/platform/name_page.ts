/**
 * A page of the entries of a directory of any size, in bounded memory.
 *
 * @module
 */

/** The first entries after a given name, in the order of their names. */
export class NamePage<Entry> {
  /** Sorted by UTF-16 code units, after {@link finish}. */
  entries: Entry[] = [];
  /** The number of names that are not UTF-8; they are left out. */
  notUtf8 = 0;
  #count = 0;

  /**
   * @param after Only names after this one are kept.
   * @param limit The maximum number of entries.
   * @param nameOf The name of an entry.
   */
  constructor(
    readonly after: string,
    readonly limit: number,
    readonly nameOf: (entry: Entry) => string,
  ) {}

  /** The number of entries after the page. */
  get following(): number {
    return this.#count - this.entries.length;
  }

  /** Adds an entry of the directory. */
  add(entry: Entry): void {
    if (this.nameOf(entry) <= this.after) return;
    this.#count += 1;
    this.entries.push(entry);
    // Done rarely, so that many entries share the cost of sorting.
    if (this.entries.length >= 2 * this.limit + 100) this.finish();
  }

  /** Ends the page. */
  finish(): void {
    // Not localeCompare: the order must be the same for every call.
    this.entries.sort((a, b) => this.nameOf(a) < this.nameOf(b) ? -1 : 1);
    this.entries.length = Math.min(this.entries.length, this.limit);
  }
}
