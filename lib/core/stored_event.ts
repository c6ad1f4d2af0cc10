/**
 * An event as the journal stores it: one JSON text.
 *
 * @module
 */

import * as z from "zod";
import { jsonBytes, parseExactly, utf8Bytes } from "../base/json_text.ts";
import { countGarbage } from "../base/memory/garbage.ts";
import { EVENT_TYPES } from "../config/events.ts";
import type { JournalEvent, NewEvent } from "./event_types.ts";

/** What an event leaves for the garbage collector: its text, parsed, and as text again (measured). */
const GARBAGE_FACTOR = 12;

const Stored = z.object({
  type: z.enum(EVENT_TYPES),
  event: z.string(),
  data: z.unknown(),
  timestamp: z.int(),
});

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What the journal stores of an event; `timestamp` in seconds since 1970-01-01 UTC. */
export function storedBytes({ type, event, data }: NewEvent, timestamp: number) {
  const bytes = encoder.encode(JSON.stringify({ type, event, data, timestamp }));
  countGarbage(GARBAGE_FACTOR * bytes.byteLength);
  return bytes;
}

/** Bytes of JSON that an event takes in an answer. */
export const eventBytes = ({ type, event, data }: NewEvent): number =>
  jsonBytes(type) + jsonBytes(event) + utf8Bytes(JSON.stringify(data) ?? "null") + 128;

const TYPE_REGEXP = /^\{"type":"([a-z]+)"/;
/** Enough for {@link TYPE_REGEXP}. */
const TYPE_BYTES = 32;

/** The type of a stored event, without the work of {@link parseEvent}; `undefined` if damaged. */
export const storedType = (bytes: Uint8Array): string | undefined =>
  TYPE_REGEXP.exec(decoder.decode(bytes.subarray(0, TYPE_BYTES)))?.[1];

/** Reads a stored event; `undefined` if it was damaged on disk. */
export function parseEvent(bytes: Uint8Array, seq: number): JournalEvent | undefined {
  countGarbage(GARBAGE_FACTOR * bytes.byteLength);
  try {
    const { type, event, data, timestamp } = z.parse(Stored, parseExactly(decoder.decode(bytes)));
    return { seq, type, event, data, timestamp };
  } catch {
    // Damaged on disk: it counts as read, since its number is not missing.
    return undefined;
  }
}

/** The event without what makes it long. */
export const withoutData = (event: JournalEvent): JournalEvent => ({
  ...event,
  data: null,
  truncated: true,
});
