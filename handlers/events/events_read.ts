import * as z from "zod";
import { commandFailed, invalidParams } from "../../lib/base/errors.ts";
import { type AgentServices, method } from "../../lib/core/method.ts";
import type { EventJournal } from "../../lib/core/event_journal.ts";
import { EVENT_TYPES } from "../../lib/core/event_types.ts";
import { MAX_WAIT_SECONDS } from "../../lib/core/waiting_calls.ts";

const DEFAULT_EVENTS = 100;
const MAX_EVENTS = 1000;
const MIN_BYTES = 64;
/** More would not make reading faster, and take memory. */
const MAX_BYTES = 256 * 1024;
/** Bytes of JSON of a result besides the events. */
const OTHER_MEMBERS_BYTES = 256;

const Event = () =>
  z.strictObject({
    seq: z.int(),
    type: z.enum(EVENT_TYPES),
    event: z.string(),
    data: z.unknown(),
    timestamp: z.int(),
    truncated: z.optional(z.literal(true)),
  });

const Params = () =>
  z.strictObject({
    cursor: z.optional(z.string()),
    last: z.optional(z.int().check(z.gte(0), z.lte(MAX_EVENTS))),
    types: z.optional(z.array(z.enum(EVENT_TYPES)).check(z.maxLength(EVENT_TYPES.length))),
    max_events: z._default(z.int().check(z.gte(1), z.lte(MAX_EVENTS)), DEFAULT_EVENTS),
    max_bytes: z.optional(z.int().check(z.gte(MIN_BYTES), z.lte(MAX_BYTES))),
    wait_seconds: z._default(z.int().check(z.gte(0), z.lte(MAX_WAIT_SECONDS)), 0),
  });

/** `events_read`: the journal of events, from a cursor on. */
export const eventsRead = method({
  name: "events_read",
  capability: "events_read",
  access: "see",
  summary: "Reads the journal of events, from a cursor on.",
  notes: [
    "The agent numbers events and keeps them on disk (`state_directory`, at most `events.keep_kb`), " +
    "whether or not a host is connected. Without `cursor` it returns the oldest events that are " +
    "kept, or with `last` only as many of the newest. With the `cursor` of the last answer it " +
    "returns what follows, at most `max_events`, `max_bytes` bytes of JSON (256 KiB at most), and " +
    "what fits into one message. If nothing follows yet, it waits up to `wait_seconds`.",
    "`types` selects where events come from: `agent` (`agent.started`, `agent.stopping`, " +
    "`agent.configuration_changed`, `agent.power`, `agent.events_refused`), `job` (`job.started`, `job.ended`, `job.lost`), `program` (what " +
    "programs of the guest send with `agent.SendEvent`; they choose the names), `network` " +
    "(`network.link_added`, `network.link_removed`, `network.link_changed`, " +
    "`network.address_added`, `network.address_removed`), `filesystem` (`filesystem.full`, " +
    "`filesystem.relieved`), `clock` (`clock.jumped`), `guest` (`guest.resumed`: after a pause, a " +
    "suspension or a migration), `memory` (`memory.out`: the kernel killed processes), `unit` " +
    "(`unit.failed`). `events.sources` in the configuration lists those that are on.",
    "`gap` tells that events are missing before the first one, and `lost` how many numbers; `lost` " +
    "is absent if the journal is another one than the cursor's, as after a restart of the agent on " +
    "a full disk; events that are still kept are returned again then. After a crash of the guest " +
    "numbers are skipped, because the last events may not have reached the disk. `truncated` means that " +
    "`data` was left out, since it does not fit one message.",
  ],
  audited: false,
  params: Params,
  result: () =>
    z.strictObject({
      events: z.readonly(z.array(Event())),
      cursor: z.string(),
      gap: z.optional(z.strictObject({ reason: z.string(), lost: z.optional(z.int()) })),
    }),
  example: {
    params: { cursor: "e1.5f0c3c1d2e4b6a79.17", wait_seconds: 30 },
    result: {
      events: [{
        seq: 17,
        type: "program",
        event: "backup.done",
        data: { files: 3 },
        timestamp: 1702123456,
      }],
      cursor: "e1.5f0c3c1d2e4b6a79.18",
    },
  },
  available: ({ events }) => events !== undefined,
  target: ({ types }) => ({ types }),
  wait: ({ cursor, types, wait_seconds: seconds }, context) => {
    const journal = journalOf(context);
    if (seconds === 0 || cursor === undefined) return undefined;
    return { seconds, event: (signal) => journal.change({ cursor, types }, signal) };
  },
  run: async ({ cursor, last, types, max_events, max_bytes }, context) => {
    if (cursor !== undefined && last !== undefined) {
      throw invalidParams("last is only for a read without cursor", { params: ["last"] });
    }
    const room = context.resultLimitBytes - OTHER_MEMBERS_BYTES;
    const read = await journalOf(context).read({
      cursor,
      last,
      types,
      limits: {
        events: max_events,
        jsonBytes: Math.max(MIN_BYTES, Math.min(max_bytes ?? MAX_BYTES, MAX_BYTES, room)),
      },
    });
    const { events, cursor: next, gap: reason, lost } = read;
    return {
      events,
      cursor: next,
      ...(reason === undefined ? {} : { gap: { reason, ...(lost === undefined ? {} : { lost }) } }),
    };
  },
});

function journalOf({ events }: Pick<AgentServices, "events">): EventJournal {
  if (events !== undefined) return events;
  throw commandFailed("this agent keeps no journal of events");
}
