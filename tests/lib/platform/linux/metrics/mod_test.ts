import { assert, assertEquals } from "@std/assert";
import { countProcessors } from "../../../../../lib/platform/linux/facts/sysfs.ts";
import { LinuxMetrics } from "../../../../../lib/platform/linux/metrics/mod.ts";
import { NEVER } from "../../../_helpers.ts";

Deno.test("a sample agrees with what the runtime and the kernel know", async () => {
  const sample = await new LinuxMetrics().sample(NEVER);
  assertEquals(sample.memory.totalBytes, Deno.systemMemoryInfo().total);
  assert(Math.abs(sample.uptimeSeconds - Deno.osUptime()) < 5);
  // Not the runtime's count: that is of the processors that this process may use.
  const online = await Deno.readTextFile("/sys/devices/system/cpu/online");
  assertEquals(sample.cores.length, countProcessors(online));
  assert(sample.processes.threads >= sample.processes.count);
});
