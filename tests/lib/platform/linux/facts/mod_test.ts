import { assert, assertEquals } from "@std/assert";
import { KeptReports } from "../../../../../lib/guest/kept_reports.ts";
import { LinuxFacts } from "../../../../../lib/platform/linux/facts/mod.ts";
import { NEVER } from "../../../_helpers.ts";
import { tool } from "../../../../_tool.ts";
import { until } from "../../../../_waiting.ts";

Deno.test("LinuxFacts agrees with uname, getconf and /proc", async () => {
  await using facts = new LinuxFacts();
  const info = await facts.info(NEVER);
  assertEquals(info.os_type, "linux");
  assert(info.os_name !== "");
  assertEquals(info.kernel_version, await tool("uname", "-r"));
  assertEquals(info.architecture, await tool("uname", "-m"));
  assertEquals(info.hostname, await tool("uname", "-n"));
  assertEquals(info.cpu_count, Number(await tool("getconf", "_NPROCESSORS_ONLN")));
  const total = /^MemTotal:\s+(\d+) kB$/m.exec(await Deno.readTextFile("/proc/meminfo"))?.[1];
  assertEquals(info.total_memory_kb, Number(total));
  const uptime = Number((await Deno.readTextFile("/proc/uptime")).split(" ")[0]);
  assert(Math.abs(info.uptime_seconds - uptime) <= 60, `${info.uptime_seconds}, not ${uptime}`);
  assert(Number.isInteger(info.uptime_seconds));
});

Deno.test("LinuxFacts finds network interfaces and file systems", async () => {
  await using facts = new LinuxFacts();
  assert((await facts.networkInterfaces(NEVER)).length > 0);
  assert((await facts.filesystems(NEVER)).filesystems.length > 0);
});

/** Asks until two answers in a row come from one report, which on a busy machine may take a while. */
async function assertKept(ask: () => Promise<unknown>): Promise<unknown> {
  let last = await ask();
  await until(async () => {
    const before = last;
    last = await ask();
    return before === last;
  }, "a report that is kept");
  return last;
}

for (
  const [what, ask, known] of [
    ["system information", (facts) => facts.info(NEVER), ({ known }) => known.info()],
    [
      "network interfaces",
      (facts) => facts.networkInterfaces(NEVER),
      ({ known }) => known.networkInterfaces(),
    ],
    ["file systems", (facts) => facts.filesystems(NEVER), ({ known }) => known.filesystems()],
  ] satisfies [
    string,
    (facts: LinuxFacts) => Promise<unknown>,
    (facts: LinuxFacts) => unknown,
  ][]
) {
  Deno.test(`LinuxFacts knows ${what} while the report is kept, and nothing before or after`, async () => {
    const reports = new KeptReports();
    await using facts = new LinuxFacts(reports);
    assertEquals(known(facts), undefined);
    // On a busy machine more than the second for which it is kept may pass before it is looked at.
    await until(async () => await ask(facts) === known(facts), "a report that is known");
    reports.drop();
    assertEquals(known(facts), undefined);
  });

  Deno.test(`LinuxFacts keeps ${what} until something changes`, async () => {
    const reports = new KeptReports();
    await using facts = new LinuxFacts(reports);
    const kept = await assertKept(() => ask(facts));
    reports.drop();
    assert(await ask(facts) !== kept);
    const changed = reports.change();
    assert(await ask(facts) !== await ask(facts));
    changed();
    await assertKept(() => ask(facts));
  });
}
