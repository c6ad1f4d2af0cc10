import { assert } from "@std/assert";
import { OtherLoad } from "../../../scripts/bench/other_load.ts";
import { cpuMs, endProcess } from "../../_processes.ts";
import { until, within } from "../../_waiting.ts";

const BUSY = "while :; do :; done";
const BUSY_MS = 300;

Deno.test("OtherLoad counts a busy process that belongs to nobody in the bench", async () => {
  // The first shell exits, so the busy one is adopted and no longer a descendant of this test.
  const child = new Deno.Command("setsid", {
    args: ["sh", "-c", `(${BUSY}) >/dev/null 2>&1 & echo $!`],
    stdout: "piped",
  });
  const { stdout } = await within(child.output(), "the process id of the busy shell");
  const pid = Number(new TextDecoder().decode(stdout));
  try {
    const load = await OtherLoad.watch();
    const before = await cpuMs(pid);
    const start = performance.now();
    await until(async () => await cpuMs(pid) - before > BUSY_MS, "the shell to be busy");
    const seconds = (performance.now() - start) / 1000;
    // Others may use time as well, never less; a tick is 10 ms.
    assert(await load.share() * seconds > BUSY_MS / 1000 / 2);
  } finally {
    endProcess(pid);
  }
});
