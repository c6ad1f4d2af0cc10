import { assertEquals } from "@std/assert";
import { parseCloudInit } from "../../../../../lib/platform/linux/cloud_init/mod.ts";

const status = (v1: unknown, result?: unknown) =>
  `status\n${JSON.stringify({ v1 })}\n==>\n${result === undefined ? "" : JSON.stringify(result)}`;

const SOURCE = "DataSourceNoCloud [seed=/dev/sr0]";

for (
  const [what, text, expected] of [
    ["a guest where it has not run", "none\n", { state: "not_started", errors: [] }],
    ["a guest where it is off", "disabled\n", { state: "disabled", errors: [] }],
    ["a file that is just being written", 'status\n{"v1": {\n==>\n', {
      state: "not_started",
      errors: [],
    }],
    [
      "a boot that is under way",
      status({ datasource: SOURCE, stage: "modules-final", init: { errors: [] } }),
      { state: "running", dataSource: SOURCE, stage: "modules-final", errors: [] },
    ],
    [
      "a boot that is finished",
      status({ datasource: SOURCE, stage: null }, { v1: { datasource: SOURCE, errors: [] } }),
      { state: "done", dataSource: SOURCE, errors: [] },
    ],
    [
      "a boot that failed",
      status({ datasource: null, stage: null }, { v1: { errors: ["no such module"] } }),
      { state: "error", errors: ["no such module"] },
    ],
    [
      "an error of a stage, before there is a result",
      status({ stage: "modules-config", init: { errors: ["bad yaml"] } }),
      { state: "running", stage: "modules-config", errors: ["bad yaml"] },
    ],
  ] as const
) {
  Deno.test(`cloud-init's files tell of ${what}`, () => {
    assertEquals<unknown>(parseCloudInit(text), expected);
  });
}

Deno.test("errors are bounded", () => {
  const errors = Array.from({ length: 1000 }, () => "x".repeat(10_000));
  const found = parseCloudInit(status({ stage: null }, { v1: { errors } })).errors;
  assertEquals([found.length, found[0]?.length], [20, 500]);
});
