import { assertEquals } from "@std/assert";
import { isBroken, type Result } from "../../../../scripts/bench/fleet/result.ts";

const result = (value: number, limit?: Result["limit"]): Result => ({
  what: "calls",
  value,
  unit: "/s",
  limit,
});

Deno.test("a limit is exceeded by what reaches an upper one, or does not reach a lower one", () => {
  for (const [value, isExceeded] of [[99.9, false], [100, true], [Infinity, true]] as const) {
    assertEquals(isBroken(result(value, { below: 100 })), isExceeded);
  }
  for (const [value, isExceeded] of [[100, false], [99.9, true]] as const) {
    assertEquals(isBroken(result(value, { atLeast: 100 })), isExceeded);
  }
  assertEquals(isBroken(result(1)), false);
});

Deno.test("what could not be measured exceeds its limit", () => {
  assertEquals(isBroken(result(NaN, { below: 100 })), true);
  assertEquals(isBroken(result(NaN, { atLeast: 100 })), true);
});
