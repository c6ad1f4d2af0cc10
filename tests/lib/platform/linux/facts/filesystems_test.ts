import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Filesystems,
  parseUsage,
  parseUsages,
} from "../../../../../lib/platform/linux/facts/filesystems.ts";
import { KeptReports } from "../../../../../lib/guest/kept_reports.ts";
import { NEVER, TempDirectory } from "../../../_helpers.ts";
import { until } from "../../../../_waiting.ts";

const MOUNT = {
  id: "28",
  parentId: "1",
  root: "/",
  mountPoint: "/",
  device: "/dev/vda1",
  fsType: "ext4",
  deviceNumber: "254:1",
  superOptions: "rw",
};

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

Deno.test("parseUsages() matches lines with mounts by mount point and leaves out the rest", () => {
  const mounts = ["/", "/with space", "/gone"].map((mountPoint) => ({ ...MOUNT, mountPoint }));
  const text = "1024 4 2 2 /with space\ngarbage\n512 4 1 1 /\n512 4 1 1 /not asked\n";
  assertEquals(
    parseUsages(mounts, text).map(({ mount_point, total_bytes }) => [mount_point, total_bytes]),
    [["/", 2048], ["/with space", 4096]],
  );
});

Deno.test("a report of this machine agrees with stat(1) and is consistent", async () => {
  await using asked = new Filesystems(new KeptReports());
  const { filesystems, unresponsive } = await asked.report(NEVER);
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
  await using asked = new Filesystems(new KeptReports());
  await assertRejects(() => asked.report(signal), Error, "stopped");
});

/** A mount table that lists directories of this machine as file systems. */
function tableOf(mountPoints: readonly string[], fsType = "ext4") {
  const lines = mountPoints.map((mountPoint, index) =>
    `1 1 8:${index} / ${
      mountPoint.replace("\n", "\\012").replace(" ", "\\040")
    } rw - ${fsType} /dev/sd${index} rw`
  );
  let reads = 0;
  return {
    read: () => {
      reads += 1;
      return Promise.resolve(lines.join("\n"));
    },
    get reads() {
      return reads;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

Deno.test("a report has mount points with spaces and newlines, and leaves out missing ones", async () => {
  await using directory = await TempDirectory.make();
  const odd = [await directory.directory("a b"), await directory.directory("c\nd")];
  await using asked = new Filesystems(
    new KeptReports(),
    tableOf([...odd, directory.at("missing")]),
  );
  const { filesystems } = await asked.report(NEVER);
  assertEquals(filesystems.map(({ mount_point }) => mount_point), odd);
});

Deno.test("a report is kept for a second", async () => {
  const table = tableOf(["/"]);
  await using asked = new Filesystems(new KeptReports(), table);
  const start = performance.now();
  await asked.report(NEVER);
  await asked.report(NEVER);
  // On a machine that is too slow for this test both may have been asked for.
  assert(table.reads === 1 || performance.now() - start > 1000, `${table.reads}`);
  await until(async () => {
    await asked.report(NEVER);
    return table.reads > 1;
  }, "the table is read again");
});

Deno.test("network file systems are asked in processes of their own", async () => {
  await using asked = new Filesystems(new KeptReports(), tableOf(["/"], "nfs4"));
  const { filesystems, unresponsive } = await asked.report(NEVER);
  // A busy machine may take longer than the half second that they get.
  assertEquals(filesystems.length + unresponsive.length, 1);
});
