import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { getSystemInfo } from "../../../handlers/facts/get_system_info.ts";
import { Served } from "../_served.ts";
import { tool } from "../../_tool.ts";

const Result = z.strictObject({
  os_type: z.string(),
  os_name: z.string(),
  os_version: z.string(),
  kernel_version: z.string(),
  hostname: z.string(),
  architecture: z.string(),
  cpu_count: z.int(),
  total_memory_kb: z.int(),
  uptime_seconds: z.int(),
  available_memory_kb: z.int(),
  load_average: z.array(z.number()),
});

/** A variable of os-release as a shell reads it. */
const osRelease = (name: string) => tool("sh", "-c", `. /etc/os-release; printf %s "$${name}"`);

Deno.test("get_system_info agrees with the machine's tools", async (t) => {
  await using served = await Served.start(getSystemInfo);
  const info = await served.call(undefined, Result);
  await t.step("architecture: uname -m", async () => {
    assertEquals(info.architecture, await tool("uname", "-m"));
  });
  await t.step("kernel_version: uname -r", async () => {
    assertEquals(info.kernel_version, await tool("uname", "-r"));
  });
  await t.step("hostname: uname -n", async () => {
    assertEquals(info.hostname, await tool("uname", "-n"));
  });
  await t.step("cpu_count: the online processors", async () => {
    assertEquals(info.cpu_count, Number(await tool("getconf", "_NPROCESSORS_ONLN")));
    assert(info.cpu_count >= Number(await tool("nproc")));
  });
  await t.step("total_memory_kb: MemTotal of /proc/meminfo", async () => {
    const total = /^MemTotal:\s+(\d+) kB$/m.exec(await Deno.readTextFile("/proc/meminfo"))?.[1];
    assertEquals(info.total_memory_kb, Number(total));
  });
  await t.step("uptime_seconds: /proc/uptime", async () => {
    const now = Number.parseFloat(await Deno.readTextFile("/proc/uptime"));
    assert(Math.abs(now - info.uptime_seconds) <= 10, `${info.uptime_seconds}, now ${now}`);
  });
  await t.step("available_memory_kb: a part of MemTotal", () => {
    assert(info.available_memory_kb > 0 && info.available_memory_kb <= info.total_memory_kb);
  });
  await t.step("load_average: /proc/loadavg", async () => {
    const now = (await Deno.readTextFile("/proc/loadavg")).split(" ", 3).map(Number);
    assertEquals(info.load_average.length, 3);
    // The average over 15 minutes hardly changes between two reads.
    assert(Math.abs((now[2] ?? NaN) - (info.load_average[2] ?? NaN)) < 0.2, `${now}`);
  });
  await t.step("os_type: linux", () => assertEquals(info.os_type, "linux"));
  await t.step("os_name: NAME of os-release", async () => {
    assertEquals(info.os_name, await osRelease("NAME") || await osRelease("PRETTY_NAME"));
  });
  await t.step("os_version: VERSION of os-release", async () => {
    assertEquals(info.os_version, await osRelease("VERSION") || await osRelease("VERSION_ID"));
  });
});

/** Without constantly changing members. */
function steady(info: z.output<typeof Result>) {
  const { available_memory_kb: _available, load_average: _load, ...rest } = info;
  return rest;
}

Deno.test("get_system_info changes only in uptime, memory and load", async () => {
  await using served = await Served.start(getSystemInfo);
  const { uptime_seconds: first, ...rest } = steady(await served.call(undefined, Result));
  for (let round = 0; round < 10; round++) {
    const { uptime_seconds, ...same } = steady(await served.call({}, Result));
    assert(uptime_seconds >= first && uptime_seconds <= first + 20);
    assertEquals(same, rest);
  }
});
