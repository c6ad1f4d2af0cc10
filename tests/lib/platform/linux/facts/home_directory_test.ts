import { assertEquals } from "@std/assert";
import { readHomeDirectory } from "../../../../../lib/platform/linux/facts/home_directory.ts";
import { tool } from "../../../../_tool.ts";

Deno.test("readHomeDirectory() has the home of the agent's user, or the root directory", async () => {
  const [, , , , , home] = (await tool("getent", "passwd", `${Deno.uid()}`)).split(":");
  assertEquals(await readHomeDirectory(), home || "/");
});
