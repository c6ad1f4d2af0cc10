import { assertEquals, assertRejects } from "@std/assert";
import { Audit } from "../../../lib/audit/audit.ts";
import { DurableLines, openLines } from "../../../lib/audit/durable_lines.ts";
import { auditedReload } from "../../../lib/monitor/audited_reload.ts";
import { CollectingLog, rpcErrorOf, TempDirectory } from "../_helpers.ts";

const REPORT = {
  source: "/etc/config.json",
  changed: ["log_level"],
  needRestart: ["audit"],
  refusedByDeno: [],
};

/** An audit file in a directory, and its lines. */
function auditIn(directory: string) {
  const path = `${directory}/audit.jsonl`;
  const lines = new DurableLines(() => openLines(path));
  const audit = new Audit({ lines, isRequired: true, log: new CollectingLog() });
  const recorded = async () =>
    (await Deno.readTextFile(path)).trim().split("\n").map((line) => JSON.parse(line));
  return { audit, lines, recorded };
}

for (
  const [request, who] of [["SIGHUP", "signal"], ["agent.ReloadConfig", "monitor"]] as const
) {
  Deno.test(`a reload by ${request} is recorded with the keys that changed`, async () => {
    await using directory = await TempDirectory.make();
    const { audit, lines, recorded } = auditIn(directory.path);
    let linesBefore = 0;
    const report = await auditedReload(audit, request, async () => {
      linesBefore = (await recorded()).length;
      return REPORT;
    });
    await lines.close();
    assertEquals(report, REPORT);
    assertEquals(linesBefore, 1, "the first line is on the disk before the reload");
    const [begin, end] = await recorded();
    assertEquals([begin.event, begin.who, begin.what], ["begin", who, request]);
    assertEquals([end.event, end.outcome, end.config], ["end", "ok", "/etc/config.json"]);
    assertEquals([end.changed, end.need_restart], [["log_level"], ["audit"]]);
  });
}

Deno.test("a reload that fails is recorded with its reason, and fails", async () => {
  await using directory = await TempDirectory.make();
  const { audit, lines, recorded } = auditIn(directory.path);
  const reload = () => Promise.reject(new Error("log_level must be one of"));
  await assertRejects(() => auditedReload(audit, "SIGHUP", reload), Error, "log_level must be");
  await lines.close();
  const [, end] = await recorded();
  assertEquals([end.outcome, end.reason], ["error", "log_level must be one of"]);
});

Deno.test("nothing is reloaded if a required audit cannot record it", async () => {
  const { audit } = auditIn("/nowhere");
  let reloads = 0;
  const error = await rpcErrorOf(() =>
    auditedReload(audit, "SIGHUP", () => {
      reloads += 1;
      return Promise.resolve(REPORT);
    })
  );
  assertEquals([error.code, reloads], [-32001, 0]);
});
