import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { timeSetAsRoot, timeSetOperation } from "../../../lib/privileged/time_set.ts";
import { COMMAND_FAILED, INVALID_PARAMS } from "../../_error_codes.ts";
import { rpcErrorOf } from "../_helpers.ts";
import { ScriptedRoot } from "./_scripted_root.ts";

const set = (root: ScriptedRoot, params: unknown) => timeSetAsRoot.prepare(params).run(root);
const TIME_MS = Date.UTC(2026, 10, 21, 18, 0, 0, 250);

Deno.test("time_set adds the time that it took, and sets the hardware clock", async () => {
  const root = new ScriptedRoot();
  root.sentMsAgo = 1500;
  const result = z.parse(timeSetOperation.result(), await set(root, { time_ms: TIME_MS }));
  assertEquals(root.commandLines, [
    `date --utc --set=@${(TIME_MS + 1500) / 1000}.750`.replace(/\.75\.750$/, ".750"),
    "hwclock --systohc",
  ]);
  assertEquals(result.hardware_clock_set, true);
  assert(Math.abs(result.step_ms) < 1000, "nothing jumped in this test");
});

Deno.test("time_set without a time takes it from the hardware clock", async () => {
  const root = new ScriptedRoot();
  await set(root, {});
  assertEquals(root.commandLines, ["hwclock --hctosys"]);
});

Deno.test("time_set works in a guest without a hardware clock, and tells", async () => {
  const missing = new ScriptedRoot();
  missing.missing = ["hwclock"];
  const result = z.parse(timeSetOperation.result(), await set(missing, { time_ms: TIME_MS }));
  assertEquals([result.hardware_clock_set, missing.runs.length], [false, 1]);
  const broken = new ScriptedRoot(({ program }) => ({ code: program === "hwclock" ? 1 : 0 }));
  const other = z.parse(timeSetOperation.result(), await set(broken, { time_ms: TIME_MS }));
  assertEquals(other.hardware_clock_set, false);
});

Deno.test("time_set fails if the clock cannot be set", async () => {
  const root = new ScriptedRoot(() => ({ code: 1, stderr: "date: cannot set date" }));
  assertEquals((await rpcErrorOf(() => set(root, { time_ms: TIME_MS }))).code, COMMAND_FAILED);
});

for (const time_ms of [Date.UTC(1, 0, 1), -1, 0, 1e18, 1.5, "2026", Date.UTC(2101, 0, 1)]) {
  Deno.test(`time_set refuses ${JSON.stringify(time_ms)}`, async () => {
    const root = new ScriptedRoot();
    assertEquals((await rpcErrorOf(() => set(root, { time_ms }))).code, INVALID_PARAMS);
    assertEquals(root.runs, []);
  });
}
