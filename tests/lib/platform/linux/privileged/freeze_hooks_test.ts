import { assertEquals, assertMatch } from "@std/assert";
import { FreezeHooks } from "../../../../../lib/platform/linux/privileged/freeze_hooks.ts";
import { NEVER, rpcErrorOf, TempDirectory } from "../../../_helpers.ts";
import { isRoot } from "./_brokers.ts";

Deno.test({
  name: "a hook that hangs is killed, stops the freeze and is told of the thaw",
  ignore: !isRoot,
  fn: async () => {
    await using directory = await TempDirectory.make();
    const told = directory.at("told");
    const code = `#!/bin/sh\necho "$1" >>"${told}"\n[ "$1" = thaw ] || exec sleep 60\n`;
    await Deno.writeTextFile(directory.at("hook"), code, { mode: 0o755 });
    const hooks = new FreezeHooks(directory.path, 500);
    const error = await rpcErrorOf(() => hooks.freeze(NEVER));
    assertMatch(error.message, /hook freeze did not finish within 0.5 s and was killed/);
    assertEquals(await hooks.thaw(), []);
    assertEquals(await Deno.readTextFile(told), "freeze\nthaw\n");
  },
});

Deno.test("without the directory there are no hooks", async () => {
  const hooks = new FreezeHooks("/nonexistent/hooks");
  await hooks.freeze(NEVER);
  assertEquals(await hooks.thaw(), []);
});
