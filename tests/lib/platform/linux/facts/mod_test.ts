import { assert, assertEquals } from "@std/assert";
import { LinuxFacts } from "../../../../../lib/platform/linux/facts/mod.ts";
import { NEVER } from "../../../_helpers.ts";
import { tool } from "../../../../_tool.ts";

Deno.test("LinuxFacts agrees with uname, getconf and /proc", async () => {
  await using facts = new LinuxFacts();
  const info = await facts.info(NEVER);
  assertEquals(info.os_type, "linux");
  assert(info.os_name !== "");
  assertEquals(info.kernel_version, await tool("uname", "-r"));
  assertEquals(info.architecture, await tool("uname", "-m"));
  assertEquals(info.hostname, await tool("uname", "-n"));
  assertEquals(info.cpu_count, Number(await tool("getconf", "_NPROCESSORS_ONLN")));
  const total = /^MemTotal:\s+(\d+) kB$/m.exec(await Deno.readTextFile("/proc/meminfo"))?.[1];
  assertEquals(info.total_memory_kb, Number(total));
  const uptime = Number((await Deno.readTextFile("/proc/uptime")).split(" ")[0]);
  assert(Math.abs(info.uptime_seconds - uptime) <= 60, `${info.uptime_seconds}, not ${uptime}`);
  assert(Number.isInteger(info.uptime_seconds));
});

Deno.test("LinuxFacts gives the same slow facts when asked again", async () => {
  await using facts = new LinuxFacts();
  const slow = async () => {
    const info = await facts.info(NEVER);
    const { uptime_seconds: _uptime, available_memory_kb: _memory, ...rest } = info;
    const { load_average: _load, ...slowFacts } = rest;
    return slowFacts;
  };
  assertEquals(await slow(), await slow());
});

Deno.test("LinuxFacts finds network interfaces and file systems", async () => {
  await using facts = new LinuxFacts();
  assert((await facts.networkInterfaces(NEVER)).length > 0);
  assert((await facts.filesystems(NEVER)).filesystems.length > 0);
});
