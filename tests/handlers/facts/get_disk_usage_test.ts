import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { getDiskUsage } from "../../../handlers/facts/get_disk_usage.ts";
import { timed } from "../../_waiting.ts";
import { Served } from "../_served.ts";
import { tool } from "../../_tool.ts";

const Result = z.strictObject({
  filesystems: z.array(z.strictObject({
    mount_point: z.string(),
    device: z.string(),
    fs_type: z.string(),
    total_bytes: z.int(),
    used_bytes: z.int(),
    available_bytes: z.int(),
    used_percent: z.number(),
  })),
  unresponsive: z.optional(z.array(z.string())),
});

/** Other processes write to the disk meanwhile. */
const TOLERANCE_BYTES = 256 * 1024 * 1024;
const near = (a: number, b: number) => Math.abs(a - b) <= TOLERANCE_BYTES;

Deno.test("get_disk_usage agrees with df about each file system", async () => {
  await using served = await Served.start(getDiskUsage);
  const { filesystems } = await served.call(undefined, Result);
  assert(filesystems.length > 0, "there is a disk");
  for (const one of filesystems) {
    const line = (await tool(
      "df",
      "--block-size=1",
      "--output=target,source,fstype,size,used,avail,pcent",
      one.mount_point,
    )).split("\n").at(-1)?.trim().split(/\s+/) ?? [];
    const [target, source, type, size, used, available, percent] = line;
    assertEquals([one.mount_point, one.device, one.fs_type], [target, source, type]);
    assertEquals(one.total_bytes, Number(size));
    assert(near(one.used_bytes, Number(used)), `${one.used_bytes} used, df: ${used}`);
    assert(
      near(one.available_bytes, Number(available)),
      `${one.available_bytes}, df: ${available}`,
    );
    // df rounds up.
    const df = Number(percent?.replace("%", ""));
    assert(
      one.used_percent <= df + 0.5 && one.used_percent > df - 1.5,
      `${one.used_percent}, ${df}`,
    );
  }
});

Deno.test("get_disk_usage lists the root, and each file system once", async () => {
  await using served = await Served.start(getDiskUsage);
  const { filesystems } = await served.call({}, Result);
  assert(filesystems.some(({ mount_point }) => mount_point === "/"), "the root");
  const points = filesystems.map(({ mount_point }) => mount_point);
  assertEquals(new Set(points).size, points.length);
  const devices = filesystems.map(({ device }) => device).filter((one) => one.startsWith("/dev/"));
  assertEquals(new Set(devices).size, devices.length);
  const virtual = ["tmpfs", "devtmpfs", "proc", "sysfs", "cgroup2", "devpts", "squashfs"];
  for (const { fs_type, mount_point } of filesystems) {
    assert(!virtual.includes(fs_type), `${fs_type} on ${mount_point}`);
  }
});

Deno.test("get_disk_usage computes the percentage as df does, with one decimal", async () => {
  await using served = await Served.start(getDiskUsage);
  const { filesystems } = await served.call({}, Result);
  for (const { used_bytes, available_bytes, total_bytes, used_percent } of filesystems) {
    const exact = used_bytes / (used_bytes + available_bytes) * 100;
    assertEquals(used_percent, Math.round(exact * 10) / 10);
    assert(used_bytes + available_bytes <= total_bytes);
  }
});

Deno.test("get_disk_usage stays fast when called repeatedly", async () => {
  await using served = await Served.start(getDiskUsage);
  const { ms } = await timed(() =>
    Promise.all(Array.from({ length: 20 }, () => served.call({}, Result)))
  );
  assert(ms < 10_000, `${ms} ms`);
});
