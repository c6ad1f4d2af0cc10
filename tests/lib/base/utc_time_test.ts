import { assertEquals, assertThrows } from "@std/assert";
import { utcTime } from "../../../lib/base/utc_time.ts";

Deno.test("every day from 1970 to 2110 is written as Date writes it", () => {
  const end = Date.UTC(2110, 0, 1);
  for (let ms = 0, step = 0; ms < end; ms += 86_400_000, step += 7919) {
    const time = ms + (step * 1013) % 86_400_000;
    assertEquals(utcTime(time), new Date(time).toISOString());
  }
});

Deno.test("the borders of days, leap years and eras are written as Date writes them", () => {
  const borders = [
    [1970, 0, 1],
    [1972, 1, 29],
    [2000, 1, 29],
    [2000, 2, 1],
    [2026, 0, 1],
    [2100, 1, 28],
    [2100, 2, 1],
    [2400, 1, 29],
    [9999, 11, 31],
  ] as const;
  for (const [year, month, day] of borders) {
    const start = Date.UTC(year, month, day);
    for (const ms of [start, start + 999, start + 86_399_999, start + 3_600_000.9]) {
      assertEquals(utcTime(ms), new Date(ms).toISOString());
    }
  }
});

Deno.test("times before 1970 and after 9999 are written as Date writes them", () => {
  for (const ms of [-1, -62_198_755_200_000, 253_402_300_799_999, 253_402_300_800_000, 8.64e15]) {
    assertEquals(utcTime(ms), new Date(ms).toISOString());
  }
});

Deno.test("what is no time is refused as Date refuses it", () => {
  for (const ms of [NaN, Infinity, 8.65e15]) assertThrows(() => utcTime(ms), RangeError);
});

Deno.test("without a time it is now", () => {
  const before = new Date().toISOString();
  const written = utcTime();
  const after = new Date().toISOString();
  assertEquals(before <= written && written <= after, true);
});
