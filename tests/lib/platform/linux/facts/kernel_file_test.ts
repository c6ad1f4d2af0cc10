import { assertEquals } from "@std/assert";
import { KernelFile } from "../../../../../lib/platform/linux/facts/kernel_file.ts";
import { parseMountInfo } from "../../../../../lib/platform/linux/facts/mounts.ts";
import { NEVER, TempDirectory } from "../../../_helpers.ts";

const kernelTable = async () => parseMountInfo(await Deno.readTextFile("/proc/self/mountinfo"));

Deno.test("KernelFile reads the file each time", async () => {
  await using table = new KernelFile("/proc/self/mountinfo");
  for (let round = 0; round < 3; round++) {
    assertEquals(parseMountInfo(await table.read(NEVER)), await kernelTable());
  }
});

Deno.test("KernelFile also reads it with a sed that has no -u, as BusyBox's", async () => {
  await using directory = await TempDirectory.make();
  const sed = await directory.file("sed", "#!/bin/sh\nexit 1\n");
  await Deno.chmod(sed, 0o755);
  await using table = new KernelFile("/proc/self/mountinfo", {
    programPath: `${directory.path}:/usr/bin:/bin`,
  });
  for (let round = 0; round < 2; round++) {
    assertEquals(parseMountInfo(await table.read(NEVER)), await kernelTable());
  }
});
