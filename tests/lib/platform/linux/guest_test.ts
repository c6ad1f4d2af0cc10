import { assert, assertEquals } from "@std/assert";
import { linuxGuest } from "../../../../lib/platform/linux/guest.ts";
import type { RunOptions } from "../../../../lib/guest/commands.ts";
import { tool } from "../../../_tool.ts";
import { NEVER } from "../../_helpers.ts";

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

const TRUE: RunOptions = {
  program: "/bin/true",
  args: [],
  workingDirectory: "/",
  env: {},
  maxOutputBytes: 0,
  timeoutMs: 20_000,
  signal: NEVER,
};

Deno.test("linuxGuest() drops what its facts keep when a program runs", async () => {
  const { reports, commands } = linuxGuest();
  assert(reports !== undefined);
  const before = reports.era;
  const running = commands.run(TRUE);
  assertEquals(reports.era, undefined);
  await running;
  assert(reports.era !== undefined && reports.era !== before);
});
