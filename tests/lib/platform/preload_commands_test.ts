import { assert } from "@std/assert";
import { preloadCommands } from "../../../lib/platform/preload_commands.ts";

Deno.test({
  name: "preloadCommands() needs no permission",
  permissions: "none",
  fn: () => assert(preloadCommands()),
});
