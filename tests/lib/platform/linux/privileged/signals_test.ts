import { assertEquals, assertThrows } from "@std/assert";
import {
  holdProcess,
  signalGroupByLibc,
} from "../../../../../lib/platform/linux/privileged/signals.ts";

Deno.test("a process group is ended by system call, and one that is gone is no error", async () => {
  const child = new Deno.Command("sh", {
    args: ["-c", "sleep 600 & echo ready; wait"],
    stdout: "piped",
    detached: true,
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await signalGroupByLibc(child.pid, ["SIGTERM", "SIGCONT"]);
  assertEquals((await child.status).signal, "SIGTERM");
  // The pipe ends with the last process of the group.
  assertEquals((await reader.read()).done, true);
  await signalGroupByLibc(child.pid, ["SIGKILL"]);
});

Deno.test("a signal without a known number is a fault, not another signal", () => {
  assertThrows(() => signalGroupByLibc(1 << 30, ["SIGABRT"]), Error, "SIGABRT");
});

Deno.test("a process that is held is signalled, and never another with its number", async () => {
  const child = new Deno.Command("sleep", { args: ["600"] }).spawn();
  const held = holdProcess(child.pid);
  assertEquals(held?.send("SIGUSR1"), true);
  assertEquals((await child.status).signal, "SIGUSR1");
  assertEquals(held?.send("SIGUSR1"), false);
  held?.[Symbol.dispose]();
  assertEquals(holdProcess(child.pid), undefined);
});
