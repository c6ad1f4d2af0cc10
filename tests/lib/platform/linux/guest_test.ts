import { assertEquals } from "@std/assert";
import { linuxGuest } from "../../../../lib/platform/linux/guest.ts";
import { tool } from "../../../_tool.ts";

Deno.test("linuxGuest() names its platform and the environment of commands", async () => {
  const { platform, commands } = linuxGuest();
  assertEquals(platform, "linux");
  const [, , , , , home] = (await tool("getent", "passwd", `${Deno.uid()}`)).split(":");
  assertEquals(await commands.baseEnvironment(), {
    PATH: commands.searchPath.join(":"),
    HOME: home || "/",
    LANG: "C.UTF-8",
    TERM: "dumb",
  });
});

Deno.test("linuxGuest() cannot shut the guest down unless told how", () => {
  assertEquals(linuxGuest().power.isAvailable, false);
  assertEquals(linuxGuest({ power: "systemd" }).power.isAvailable, true);
});
