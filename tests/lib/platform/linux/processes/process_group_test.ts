import { assertEquals } from "@std/assert";
import { signalGroup } from "../../../../../lib/platform/linux/processes/process_group.ts";
import { until, within } from "../../../../_waiting.ts";

const shell = (script: string) =>
  new Deno.Command("/bin/sh", {
    args: ["-c", script],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  Deno.test(`signalGroup() sends ${signal} to a whole group`, async () => {
    const child = shell("sleep 300 & wait");
    await signalGroup(child, signal);
    const status = await within(child.status, "the end");
    assertEquals(status.signal, signal);
  });
}

Deno.test("signalGroup() wakes a stopped group so that it can obey", async () => {
  const child = shell("kill -STOP $$");
  await until(async () => {
    const stat = await Deno.readTextFile(`/proc/${child.pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
  }, "the child to have stopped");
  await signalGroup(child, "SIGTERM", "SIGCONT");
  assertEquals((await within(child.status, "the end")).signal, "SIGTERM");
});

Deno.test("signalGroup() accepts a group that no longer exists", async () => {
  const child = shell("exit 0");
  await child.status;
  await signalGroup(child, "SIGTERM");
  await signalGroup(child, "SIGKILL");
});
