import { assertEquals } from "@std/assert";
import { linuxGuest } from "../../../../lib/platform/linux/guest.ts";
import { tool } from "../../../_tool.ts";

Deno.test("linuxGuest() names its platform and the home of the agent's user", async () => {
  const { platform, commands } = linuxGuest();
  assertEquals(platform, "linux");
  const [, , , , , home] = (await tool("getent", "passwd", `${Deno.uid()}`)).split(":");
  assertEquals(await commands.homeDirectory(), home || "/");
});

Deno.test("linuxGuest() cannot shut the guest down unless told how", () => {
  assertEquals(linuxGuest().power.isAvailable, false);
  assertEquals(linuxGuest({ power: "systemd" }).power.isAvailable, true);
});
