/**
 * Reads lists that a guest returns page by page.
 *
 * @module
 */

/** The most entries that a page may have. */
export const PAGE_ENTRIES = 1000;

/** A page, and where the next one begins. */
export interface Page<Entry> {
  readonly entries: readonly Entry[];
  /** The cursor of the next page; `undefined` after the last one. */
  readonly next: string | undefined;
}

/**
 * Reads all pages of a list.
 *
 * @param read Reads a page from a cursor on (`undefined` for the first), of at most `limit` entries.
 * @param most Stops after this many entries.
 */
export async function readPages<Entry>(
  read: (cursor: string | undefined, limit: number) => Promise<Page<Entry>>,
  most: number = Number.POSITIVE_INFINITY,
): Promise<Entry[]> {
  const all: Entry[] = [];
  const seen = new Set<string>();
  let cursor: string | undefined;
  do {
    const { entries, next } = await read(cursor, Math.min(PAGE_ENTRIES, most - all.length));
    all.push(...entries);
    // A guest that repeats itself must not keep the command going.
    cursor = next === undefined || seen.has(next) ? undefined : next;
    if (cursor !== undefined) seen.add(cursor);
  } while (cursor !== undefined && all.length < most);
  return all;
}
