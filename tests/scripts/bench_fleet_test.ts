import { assertEquals, assertMatch } from "@std/assert";
import { runScript } from "./_run.ts";

// What it measures needs a NATS server: tests/fleet/bench_test.ts.
Deno.test("bench:fleet refuses anything but a number with 64", async () => {
  const { code, stderr } = await runScript("scripts/bench_fleet.ts", ["--agents", "many"]);
  assertEquals(code, 64);
  assertMatch(stderr, /--agents must be a whole number above 0, received "many"/);
});
