import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { SystemdPower } from "../../../../lib/system/linux/systemd_power.ts";
import { TempDirectory } from "../../_helpers.ts";

Deno.test.sanitizer({ ops: true, resources: true });

const { signal } = new AbortController();

Deno.test("SystemdPower leaves a request of one line, whole at once, under the unit's name", async () => {
  await using directory = await TempDirectory.make();
  const power = new SystemdPower(directory.path);
  await power.request({ action: "shutdown", timeoutSeconds: 60, force: false });
  await power.request({ action: "reboot", timeoutSeconds: 60, force: true });
  assertEquals(await Deno.readTextFile(directory.at("poweroff")), "60\n");
  assertEquals(await Deno.readTextFile(directory.at("reboot")), "force\n");
  const entries = await Array.fromAsync(Deno.readDir(directory.path));
  const names = entries.map(({ name }) => name).sort();
  assertEquals(names, ["poweroff", "reboot"]);
});

Deno.test("SystemdPower says which unit is missing where systemd does not run it", async () => {
  const power = new SystemdPower();
  for (const [action, unit] of [["shutdown", "poweroff"], ["reboot", "reboot"]] as const) {
    const obstacle = await power.check(action, signal) ?? "";
    assertMatch(
      obstacle,
      new RegExp(`^nobody would carry it out: kvmmanager-agent-${unit}\\.path: .+$`),
    );
  }
});

Deno.test("SystemdPower fails where the service has no runtime directory", async () => {
  const power = new SystemdPower("/run/kvmmanager-agent-is-not-here");
  const request = { action: "shutdown", timeoutSeconds: 60, force: false } as const;
  await assertRejects(() => power.request(request), Deno.errors.NotFound);
});
