/**
 * Times that a person types.
 *
 * @module
 */

import { UsageError } from "../../lib/base/command_line.ts";

const SECONDS_PER_UNIT = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/**
 * The time that a text means, in seconds since 1970: `30m`, `2h` and `7d` are that long ago, `@N`
 * are seconds since 1970, anything else is ISO 8601 in the host's time zone.
 *
 * @param now Milliseconds since 1970.
 * @throws {UsageError}
 */
export function pastTime(text: string, now: number): number {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (unit === "s" || unit === "m" || unit === "h" || unit === "d") {
    return Math.max(0, now / 1000 - Number(amount) * SECONDS_PER_UNIT[unit]);
  }
  const [, seconds] = /^@(\d{1,10}(?:\.\d{1,6})?)$/.exec(text) ?? [];
  if (seconds !== undefined) return Number(seconds);
  const milliseconds = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (milliseconds >= 0) return milliseconds / 1000;
  throw new UsageError(
    `--since must be a time such as 2024-01-31T08:00, 30m, 2h, 7d or @1700000000, received "${text}"`,
  );
}
