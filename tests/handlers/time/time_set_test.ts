import { assertEquals } from "@std/assert";
import { timeSet } from "../../../handlers/time/time_set.ts";
import { PERMISSION_DENIED } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

const { params, result } = timeSet.example;

Deno.test("time_set has the operation performed and returns its result", async () => {
  const root = new MemoryPrivileged(() => result);
  assertEquals((await callPrivileged(timeSet, params, root)).result, result);
  assertEquals(root.performed.map(([operation]) => operation), ["time_set"]);
});

Deno.test("time_set is refused while its group is off", async () => {
  const root = new MemoryPrivileged(() => result);
  const answer = await callPrivileged(timeSet, params, root, { allow: ["see"] });
  assertRefused(answer, PERMISSION_DENIED, /time/);
  assertEquals(root.performed, []);
});
