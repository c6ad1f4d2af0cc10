import { assert, assertEquals, assertRejects } from "@std/assert";
import { messageOf, stackOf } from "../../../lib/base/message_of.ts";
import { runTestScript } from "../../_deno.ts";

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

Deno.test("messageOf() leaves out the flag for a variable that only an unconfined command may have", () => {
  const refused = new Deno.errors.NotCapable(
    "Requires --allow-run permissions to spawn subprocess with LD_PRELOAD environment variable. " +
      "Alternatively, spawn with the environment variable unset.",
  );
  assertEquals(messageOf(refused), "A command must not have the LD_PRELOAD environment variable.");
});

Deno.test("messageOf() leaves out the advice of every refusal that Deno itself makes", async () => {
  const { code, stdout, stderr } = await runTestScript("lib/base/_refusals.ts", { flags: [] });
  assertEquals([code, stderr], [0, ""]);
  const messages = stdout.trim().split("\n");
  assertEquals(messages.length, 8, stdout);
  for (const message of messages) {
    assert(!/--allow|run again|permissions during|Alternatively/.test(message), message);
  }
});

Deno.test("stackOf() leaves out the advice, and keeps the rest of the stack", () => {
  const stack = stackOf(new Deno.errors.NotCapable("Requires x, run again with the --y flag"));
  assert(/^NotCapable: Requires x\n\s+at .*message_of_test\.ts/.test(stack), stack);
});

Deno.test("stackOf() returns the message of anything that has no stack", () => {
  assertEquals([stackOf("b"), stackOf(undefined)], ["b", "undefined"]);
});
