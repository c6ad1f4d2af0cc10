import { assertEquals, assertStringIncludes } from "@std/assert";
import { ROOT, runDeno } from "../_deno.ts";

Deno.test("deno task fleet shows two hosts, and what each user may do", async () => {
  const { code, stdout, stderr } = await runDeno(["run", "-A", `${ROOT}scripts/fleet.ts`]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "2 hosts with 50 agents each");
  assertStringIncludes(stderr, "10 VMs: 10 ok, 0 failed, 0 unknown, 0 not begun");
  assertStringIncludes(stderr, "does not permit job_start");
});
