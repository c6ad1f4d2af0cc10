import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { shutdownArguments, WindowsPower } from "../../../../lib/platform/windows/power.ts";
import { until } from "../../../_waiting.ts";
import { TempDirectory } from "../../_helpers.ts";

const REASON = ["/d", "p:0:0", "/c", "kvmmanager-agent: requested by the host"];

for (
  const [action, isForced, words] of [
    ["shutdown", false, ["/s", "/t", "0", ...REASON]],
    ["shutdown", true, ["/s", "/t", "0", "/f", ...REASON]],
    ["reboot", false, ["/r", "/t", "0", ...REASON]],
    ["reboot", true, ["/r", "/t", "0", "/f", ...REASON]],
  ] as const
) {
  Deno.test(`a ${isForced ? "forced " : ""}${action} is asked of shutdown.exe`, () => {
    assertEquals(shutdownArguments(action, isForced), words);
  });
}

/** Only Linux runs a script as a program. */
const onLinux = { ignore: Deno.build.os === "windows" };

/** A program that notes its arguments, a line for each run, and ends with a status. */
async function recorder(directory: TempDirectory, status: number): Promise<string> {
  const program = await directory.file(
    "shutdown.exe",
    `#!/bin/sh\necho "$1 $4" >> ${directory.at("runs")}\necho refused >&2\nexit ${status}\n`,
  );
  await Deno.chmod(program, 0o700);
  return program;
}

Deno.test("a guest that is still up after the timeout is forced", onLinux, async () => {
  const directory = await TempDirectory.make();
  await using _directory = directory;
  const power = new WindowsPower(await recorder(directory, 0));
  await power.request({ action: "reboot", timeoutSeconds: 0, force: false });
  await until(
    async () => await Deno.readTextFile(directory.at("runs")) === "/r /d\n/r /f\n",
    "the second run",
  );
});

Deno.test("a refusal of shutdown.exe is told with its status", onLinux, async () => {
  const directory = await TempDirectory.make();
  await using _directory = directory;
  for (const [status, refused] of [[5, true], [0, false]] as const) {
    const power = new WindowsPower(await recorder(directory, status));
    const asked = power.request({ action: "shutdown", timeoutSeconds: 1, force: true });
    if (refused) await assertRejects(() => asked, Error, "shutdown.exe: status 5: refused");
    else await asked;
  }
});

Deno.test("a halt is refused, since shutdown.exe has none", async () => {
  assertMatch(await new WindowsPower("shutdown.exe").check("halt") ?? "", /cannot halt/);
});
