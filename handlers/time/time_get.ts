import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { method, NoParams } from "../../lib/core/method.ts";
import { needed } from "../_ability.ts";

/** `time_get`: the guest's clock, with what a host needs to compute its offset. */
export const timeGet = method({
  name: "time_get",
  capability: "time_get",
  access: "see",
  summary: "Returns the guest's clock, its time zone, and whether it is synchronized.",
  notes: [
    "`received_ms` is the guest's clock when the request was taken up, `sent_ms` when the answer was " +
    "made. With its own clock before (`t0`) and after (`t3`) the call, a host computes, as NTP does, " +
    "the guest's offset as `((received_ms - t0) + (sent_ms - t3)) / 2`, which is wrong by at most " +
    "half of `(t3 - t0) - (sent_ms - received_ms)`.",
    "`synchronized` is absent if nothing in the guest knows: systemd, chrony and systemd-timesyncd " +
    "are asked. `zone` is a name of the time zone database.",
  ],
  params: NoParams,
  result: () =>
    z.strictObject({
      received_ms: z.number(),
      sent_ms: z.number(),
      zone_offset_seconds: z.int(),
      zone_abbreviation: z.string(),
      zone: z.optional(z.string()),
      synchronized: z.optional(z.boolean()),
      clock_source: z.optional(z.string()),
    }),
  errors: [{ code: ERRORS.commandFailed.code, when: "The guest cannot tell" }],
  audited: false,
  available: ({ guest }) => guest.clock !== undefined,
  example: {
    result: {
      received_ms: 1702123456789.125,
      sent_ms: 1702123456794.5,
      zone_offset_seconds: 3600,
      zone_abbreviation: "CET",
      zone: "Europe/Berlin",
      synchronized: true,
      clock_source: "kvm-clock",
    },
  },
  run: async (_params, { guest, signal }) => {
    const received = nowMs();
    const state = await needed(guest.clock, "tell about its clock").state(signal);
    return {
      received_ms: received,
      zone_offset_seconds: state.zoneOffsetSeconds,
      zone_abbreviation: state.zoneAbbreviation,
      ...(state.zone === undefined ? {} : { zone: state.zone }),
      ...(state.isSynchronized === undefined ? {} : { synchronized: state.isSynchronized }),
      ...(state.source === undefined ? {} : { clock_source: state.source }),
      sent_ms: nowMs(),
    };
  },
});

const MICROSECONDS_PER_MS = 1000;
const NANOSECONDS_PER_MICROSECOND = 1000n;

/**
 * The clock in milliseconds, to the microsecond. Not performance.now(), which does not notice that
 * the clock was set.
 */
const nowMs = () =>
  Number(Temporal.Now.instant().epochNanoseconds / NANOSECONDS_PER_MICROSECOND) /
  MICROSECONDS_PER_MS;
