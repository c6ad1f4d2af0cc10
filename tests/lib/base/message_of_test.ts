import { assertEquals, assertRejects } from "@std/assert";
import { messageOf } from "../../../lib/base/message_of.ts";

Deno.test("messageOf() returns the message of anything that was thrown", () => {
  assertEquals([new Error("a"), "b", undefined, 3, null].map(messageOf), [
    ...["a", "b", "undefined", "3", "null"],
  ]);
});

Deno.test({
  name: "messageOf() leaves out Deno's advice about its flags",
  permissions: { read: false },
  fn: async () => {
    const refused = await assertRejects(() => Deno.stat("/etc/hostname"), Deno.errors.NotCapable);
    assertEquals(messageOf(refused), 'Requires read access to "/etc/hostname"');
  },
});

for (
  const advice of [
    "run again with the --allow-net flag",
    "specify the required permissions during compilation using `deno compile --allow-net`",
  ]
) {
  Deno.test(`messageOf() leaves out "${advice}"`, () => {
    const refused = new Deno.errors.NotCapable(`Requires net access to "unix:/a", ${advice}`);
    assertEquals(messageOf(refused), 'Requires net access to "unix:/a"');
  });
}

Deno.test("messageOf() leaves the same words alone in any other error", () => {
  const message = "cannot connect, run again with another path";
  assertEquals(messageOf(new Error(message)), message);
});
