import { assertEquals } from "@std/assert";
import {
  countProcessors,
  readOnlineProcessors,
} from "../../../../../lib/platform/linux/facts/shell_facts.ts";
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

Deno.test("readOnlineProcessors() has the kernel's list", async () => {
  const list = await Deno.readTextFile("/sys/devices/system/cpu/online");
  assertEquals(await readOnlineProcessors(NEVER), list);
});
