import { assertEquals, assertRejects } from "@std/assert";
import { findGroup, groupNumber } from "../../../../lib/platform/linux/groups.ts";
import { TempDirectory } from "../../_helpers.ts";

const TEXT = "root:x:0:\n\nadm:x:4:syslog,me\nadm:x:5:\nbad\nworse:x:\nworst:x:4x:\n+:::\n";

for (
  const [name, number] of [
    ["root", 0],
    ["adm", 4],
    ["bad", undefined],
    ["worse", undefined],
    ["worst", undefined],
    ["", undefined],
    ["syslog", undefined],
    ["ADM", undefined],
  ] as const
) {
  Deno.test(`findGroup() finds ${number} for "${name}"`, () => {
    assertEquals(findGroup(TEXT, name), number);
  });
}

Deno.test("groupNumber() takes a number as it is, whether or not a group has it", async () => {
  assertEquals(await groupNumber("12345", "/nonexistent"), 12345);
});

Deno.test("groupNumber() throws for a name that is not in the file", async () => {
  await using directory = await TempDirectory.make();
  const file = await directory.file("group", TEXT);
  assertEquals(await groupNumber("adm", file), 4);
  await assertRejects(() => groupNumber("kvm", file), Error, `no group "kvm" in ${file}`);
});
