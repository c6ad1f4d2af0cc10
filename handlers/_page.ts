/**
 * Pages of lists that are sorted by name.
 *
 * @module
 */

import * as z from "zod";
import { Room } from "./_room.ts";

const DEFAULT_LIMIT = 200;
const MAX_LIMIT = 1000;
/** Bytes of JSON of a result besides the entries and the cursor. */
const OTHER_MEMBERS_BYTES = 256;
/** The most bytes that JSON makes of one UTF-16 code unit. */
const JSON_BYTES_PER_UNIT = 6;

/** The parameters of a method that returns pages. */
export const pageParams = () => ({
  cursor: z.optional(z.string().check(z.maxLength(512))),
  limit: z._default(z.int().check(z.gte(1), z.lte(MAX_LIMIT)), DEFAULT_LIMIT),
});

/** The members of its result besides the list. */
export const pageMembers = () => ({ total_count: z.int(), cursor: z.optional(z.string()) });

/** What a page is made from. */
export interface PageOptions {
  readonly cursor?: string | undefined;
  readonly limit: number;
  readonly resultLimitBytes: number;
}

/**
 * The entries after the cursor that fit one message.
 *
 * @param all Sorted by `keyOf` (UTF-16 code units), whose values differ.
 */
export function pageOf<Entry>(
  all: readonly Entry[],
  keyOf: (entry: Entry) => string,
  { cursor = "", limit, resultLimitBytes }: PageOptions,
): { entries: Entry[]; total_count: number; cursor?: string } {
  const following = all.filter((entry) => keyOf(entry) > cursor);
  const longest = Math.max(0, ...following.slice(0, limit).map((entry) => keyOf(entry).length));
  const room = new Room(resultLimitBytes - OTHER_MEMBERS_BYTES - longest * JSON_BYTES_PER_UNIT);
  const entries = room.take(following.slice(0, limit));
  const last = entries.at(-1);
  const hasMore = entries.length < following.length;
  return {
    entries,
    total_count: all.length,
    ...(hasMore && last !== undefined ? { cursor: keyOf(last) } : {}),
  };
}
