import { assertEquals } from "@std/assert";
import { Admission } from "../../../../host/daemon/exporter/admission.ts";

const HOUR_MS = 3_600_000;
const admit = (admission: Admission, names: string[], now: number) =>
  admission.admit(names, (name) => name, now);

Deno.test("a number of names is admitted, in order, each once", () => {
  const admission = new Admission(2);
  assertEquals(admit(admission, ["b", "a", "b", "c"], 0), ["b", "a"]);
  assertEquals(admit(admission, ["c", "a"], 1), ["a"]);
});

Deno.test("a new name takes the place of one that has not been seen for an hour", () => {
  const admission = new Admission(2);
  admit(admission, ["a", "b"], 0);
  assertEquals(admit(admission, ["a", "c"], HOUR_MS - 1), ["a"]);
  assertEquals(admit(admission, ["a", "c"], HOUR_MS), ["a", "c"]);
});

Deno.test("a guest that changes its names each time causes no more series than the limit", () => {
  const admission = new Admission(3);
  const seen = new Set<string>();
  for (let round = 0; round < 100; round += 1) {
    for (const name of admit(admission, [`x${round}`, `y${round}`], round)) seen.add(name);
  }
  assertEquals(seen.size, 3);
});
