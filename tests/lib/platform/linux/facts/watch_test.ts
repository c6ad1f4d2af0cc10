import { assert, assertEquals } from "@std/assert";
import {
  LinuxWatch,
  parseQuick,
  parseSlow,
} from "../../../../../lib/platform/linux/facts/watch.ts";
import { NEVER } from "../../../_helpers.ts";
import { tool } from "../../../../_tool.ts";

Deno.test("LinuxWatch sees the links, the addresses, the clock and the kernel's counter", async () => {
  await using watch = new LinuxWatch();
  const { links, addresses, hardwareClockSeconds } = await watch.quick(NEVER);
  assertEquals(
    [...links?.keys() ?? []].sort(),
    (await tool("ls", "/sys/class/net")).split(/\s+/).sort(),
  );
  assert([...addresses ?? []].every((one) => /^\S+ [0-9a-f.:]+\/\d+$/.test(one)));
  if (hardwareClockSeconds !== undefined) assert(hardwareClockSeconds > 1_000_000_000);
  const { memoryKills } = await watch.slow(NEVER);
  assertEquals(
    memoryKills,
    Number((await tool("grep", "oom_kill ", "/proc/vmstat")).split(" ")[1]),
  );
});

Deno.test("parseQuick reads links with any name, and a guest without a hardware clock", () => {
  const { links, hardwareClockSeconds } = parseQuick("link up eth0\nlink unknown veth a b\n");
  assertEquals([...links ?? []], [["eth0", "up"], ["veth a b", "unknown"]]);
  assertEquals(hardwareClockSeconds, undefined);
  assertEquals(parseQuick("clock 1700000000\n").hardwareClockSeconds, 1_700_000_000);
});

Deno.test("parseSlow reads the counter and the units, and their absence", () => {
  const units =
    "oom_kill 3\nunits\na.service loaded failed failed A\nb@c.mount loaded failed failed\n";
  assertEquals(parseSlow(units), { memoryKills: 3, failedUnits: ["a.service", "b@c.mount"] });
  assertEquals(parseSlow("oom_kill 0\n"), { memoryKills: 0 });
  assertEquals(parseSlow("units\n\n"), { failedUnits: [] });
});
