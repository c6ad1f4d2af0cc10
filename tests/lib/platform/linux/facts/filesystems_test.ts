import { assert, assertEquals, assertRejects } from "@std/assert";
import { Filesystems, parseUsage } from "../../../../../lib/platform/linux/facts/filesystems.ts";
import { NEVER } from "../../../_helpers.ts";

const MOUNT = { mountPoint: "/", device: "/dev/vda1", fsType: "ext4", deviceNumber: "254:1" };

Deno.test("parseUsage() counts in the unit that the file system tells", () => {
  // Fragment size, blocks, free, available to users: 5 % are reserved for root.
  assertEquals(parseUsage(MOUNT, "4096 1000 600 550"), {
    mount_point: "/",
    device: "/dev/vda1",
    fs_type: "ext4",
    total_bytes: 4_096_000,
    used_bytes: 1_638_400,
    available_bytes: 2_252_800,
    used_percent: 42.1,
  });
});

for (
  const [what, line, percent] of [
    ["empty", "4096 1000 1000 1000", 0],
    ["half full", "4096 1000 500 500", 50],
    ["full for users", "4096 1000 50 0", 100],
    ["quite full", "4096 1000 0 0", 100],
    ["nearly empty", "4096 100000 99999 99999", 0],
    ["a third full", "1024 3 2 2", 33.3],
    ["large", "4096 1000000000000 1 1", 100],
  ] as const
) {
  Deno.test(`parseUsage() has the per cent of df with one decimal: ${what}`, () => {
    assertEquals(parseUsage(MOUNT, line)?.used_percent, percent);
  });
}

Deno.test("parseUsage() leaves out what has no blocks or could not be asked", () => {
  for (const line of ["4096 0 0 0", "-", "", "4096 1 1", "x 1 1 1", "4096 1 1 1 1"]) {
    assertEquals(parseUsage(MOUNT, line), undefined, line);
  }
});

Deno.test("a report of this machine agrees with stat(1) and with itself", async () => {
  const { filesystems, unresponsive } = await new Filesystems().report(NEVER);
  assertEquals(unresponsive, []);
  const root = filesystems.find(({ mount_point }) => mount_point === "/");
  assert(root !== undefined, JSON.stringify(filesystems));
  const { stdout } = await new Deno.Command("stat", { args: ["-f", "-c", "%S %b", "/"] }).output();
  const [size = 0, blocks = 0] = new TextDecoder().decode(stdout).split(" ").map(Number);
  assertEquals(root.total_bytes, size * blocks);
  for (const { total_bytes, used_bytes, available_bytes, used_percent } of filesystems) {
    assert(used_bytes + available_bytes <= total_bytes);
    assert(used_percent >= 0 && used_percent <= 100);
  }
  const points = filesystems.map(({ mount_point }) => mount_point);
  assertEquals(points, [...points].sort());
});

Deno.test("a report ends with the signal's reason", async () => {
  const signal = AbortSignal.abort(new Error("stopped"));
  await assertRejects(() => new Filesystems().report(signal), Error, "stopped");
});
