import { assertEquals } from "@std/assert";
import { isInstalled } from "../../../../../lib/platform/linux/programs.ts";
import { linuxServices } from "../../../../../lib/platform/linux/services/mod.ts";

Deno.test("the service manager is the one that is installed, or none", () => {
  assertEquals(linuxServices((name) => name === "systemctl")?.manager, "systemd");
  assertEquals(linuxServices((name) => name === "rc-status")?.manager, "openrc");
  assertEquals(linuxServices(() => false), undefined);
});

Deno.test("a program is installed if it is in one of the directories of programs", () => {
  assertEquals([isInstalled("sh"), isInstalled("no-such-program")], [true, false]);
});
