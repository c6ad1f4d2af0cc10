/**
 * `events`: which events the agent records, and how many it keeps.
 *
 * @module
 */

import * as z from "zod";

/** Where events come from, in the order of the reference. */
export const EVENT_TYPES = [
  "agent",
  "job",
  "program",
  "network",
  "filesystem",
  "clock",
  "guest",
  "memory",
  "unit",
] as const;

/** One of {@link EVENT_TYPES}. */
export type EventType = (typeof EVENT_TYPES)[number];

/** The section `events` of the configuration. */
export const EventsSchema = z.strictObject({
  sources: z._default(z.array(z.enum(EVENT_TYPES)), [...EVENT_TYPES]),
  keep_kb: z._default(z.int().check(z.gte(64), z.lte(1_048_576)), 1024),
  filesystem_percent: z._default(z.int().check(z.gte(1), z.lte(100)), 90),
});

/** The section with all defaults filled in. */
export type EventsConfig = z.output<typeof EventsSchema>;
