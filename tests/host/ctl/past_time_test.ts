import { assertEquals, assertThrows } from "@std/assert";
import { pastTime } from "../../../host/ctl/past_time.ts";
import { UsageError } from "../../../lib/base/command_line.ts";

const NOW = 1_700_000_000_000;

Deno.test("pastTime reads spans, seconds since 1970 and dates", () => {
  assertEquals(["30s", "5m", "2h", "7d"].map((text) => NOW / 1000 - pastTime(text, NOW)), [
    30,
    300,
    7200,
    604_800,
  ]);
  assertEquals(pastTime("999999999d", NOW), 0);
  assertEquals(pastTime("@1700000000.5", NOW), 1_700_000_000.5);
  assertEquals(pastTime("2024-01-31T08:00:00Z", NOW), 1_706_688_000);
  assertEquals(pastTime("2024-01-31", NOW), 1_706_659_200);
});

Deno.test("pastTime refuses everything else", () => {
  for (const text of ["", "yesterday", "5", "-5m", "1w", "@x", "2024-99-99", "1969-01-01"]) {
    assertThrows(() => pastTime(text, NOW), UsageError, "--since must be a time");
  }
});
