import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { SystemdPower } from "../../../../lib/platform/linux/systemd_power.ts";
import { TempDirectory } from "../../_helpers.ts";

const { signal } = new AbortController();

/** Takes requests away as the unit does; returns what they said. */
async function taken(directory: TempDirectory, name: string): Promise<string> {
  for (;;) {
    const text = await Deno.readTextFile(directory.at(name)).catch(() => undefined);
    if (text !== undefined) {
      await Deno.remove(directory.at(name));
      return text;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

Deno.test("SystemdPower leaves a request of one line, whole at once, and waits until it is taken", async () => {
  await using directory = await TempDirectory.make();
  const power = new SystemdPower(directory.path);
  for (
    const [action, force, name, text] of [
      ["shutdown", false, "poweroff", "60\n"],
      ["reboot", true, "reboot", "force\n"],
      ["halt", false, "poweroff", "halt 60\n"],
    ] as const
  ) {
    const requested = power.request({ action, timeoutSeconds: 60, force });
    assertEquals(await taken(directory, name), text);
    await requested;
  }
  assertEquals(await Array.fromAsync(Deno.readDir(directory.path)), []);
});

Deno.test("SystemdPower withdraws a request that nobody takes", async () => {
  await using directory = await TempDirectory.make();
  const power = new SystemdPower(directory.path, 50);
  const request = { action: "shutdown", timeoutSeconds: 60, force: false } as const;
  await assertRejects(() => power.request(request), Error, "was not taken");
  assertEquals(await Array.fromAsync(Deno.readDir(directory.path)), []);
});

Deno.test("SystemdPower says which unit is missing where systemd does not run it", async () => {
  const power = new SystemdPower();
  for (const [action, unit] of [["shutdown", "poweroff"], ["reboot", "reboot"]] as const) {
    const obstacle = await power.check(action, signal) ?? "";
    assertMatch(
      obstacle,
      new RegExp(`^no unit would carry it out: kvmmanager-agent-${unit}\\.path: .+$`),
    );
  }
});

Deno.test("SystemdPower fails where the service has no runtime directory", async () => {
  const power = new SystemdPower("/run/kvmmanager-agent-is-not-here");
  const request = { action: "shutdown", timeoutSeconds: 60, force: false } as const;
  await assertRejects(() => power.request(request), Deno.errors.NotFound);
});
