import { assert, assertEquals } from "@std/assert";
import { LinuxMetrics } from "../../../../../lib/platform/linux/metrics/mod.ts";
import { NEVER } from "../../../_helpers.ts";

Deno.test("a sample agrees with what the runtime knows", async () => {
  const sample = await new LinuxMetrics().sample(NEVER);
  assertEquals(sample.memory.totalBytes, Deno.systemMemoryInfo().total);
  assert(Math.abs(sample.uptimeSeconds - Deno.osUptime()) < 5);
  assertEquals(sample.cores.length, navigator.hardwareConcurrency);
  assert(sample.processes.threads >= sample.processes.count);
});
