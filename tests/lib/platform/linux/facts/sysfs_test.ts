import { assertEquals, assertMatch } from "@std/assert";
import { countProcessors, Sysfs } from "../../../../../lib/platform/linux/facts/sysfs.ts";
import { NEVER } from "../../../_helpers.ts";

for (
  const [list, count] of [
    ["0\n", 1],
    ["0-3\n", 4],
    ["0-127", 128],
    ["0,2", 2],
    ["0-3,5,7-8\n", 7],
    ["2-3", 2],
    ["", 1],
    ["garbage", 1],
  ] as const
) {
  Deno.test(`countProcessors() counts ${count} in ${JSON.stringify(list)}`, () => {
    assertEquals(countProcessors(list), count);
  });
}

Deno.test("Sysfs has the kernel's list of online processors", async () => {
  await using sysfs = new Sysfs();
  const list = await Deno.readTextFile("/sys/devices/system/cpu/online");
  assertEquals(await sysfs.onlineProcessors(NEVER), list);
});

Deno.test("Sysfs tells the state, MTU and hardware address of loopback", async () => {
  await using sysfs = new Sysfs();
  assertMatch(await sysfs.links(NEVER), /^unknown \d+ 0x[0-9a-f]+ 00:00:00:00:00:00 lo$/m);
});
