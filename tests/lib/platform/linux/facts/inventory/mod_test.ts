import { assert, assertEquals } from "@std/assert";
import { KeptReports } from "../../../../../../lib/guest/kept_reports.ts";
import { LinuxInventory } from "../../../../../../lib/platform/linux/facts/inventory/mod.ts";
import { NEVER } from "../../../../_helpers.ts";
import { until } from "../../../../../_waiting.ts";

for (
  const [what, ask] of [
    ["block devices", (inventory) => inventory.blockDevices(NEVER)],
    ["mounts on them", (inventory) => inventory.blockMounts(NEVER)],
    ["the counters of interfaces", (inventory) => inventory.linkCounters(NEVER)],
  ] satisfies [string, (inventory: LinuxInventory) => Promise<unknown>][]
) {
  Deno.test(`LinuxInventory keeps ${what} until something changes`, async () => {
    const reports = new KeptReports();
    await using inventory = new LinuxInventory(reports);
    let kept = await ask(inventory);
    // A busy machine may take longer for both than the second for which a report is kept.
    await until(async () => {
      const before = kept;
      kept = await ask(inventory);
      return before === kept;
    }, "a report that is kept");
    reports.drop();
    const next = await ask(inventory);
    assert(next !== kept);
    const changed = reports.change();
    assert(await ask(inventory) !== next);
    changed();
  });
}

Deno.test("LinuxInventory tells the counters of loopback", async () => {
  await using inventory = new LinuxInventory();
  const loopback = (await inventory.linkCounters(NEVER)).get("lo");
  assertEquals(loopback?.receivedBytes, loopback?.sentBytes);
});
