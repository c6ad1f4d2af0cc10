import { assertEquals } from "@std/assert";
import { packageUpgrade } from "../../../handlers/packages/package_upgrade.ts";
import { PERMISSION_DENIED } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

const JOB = "change-1";
const params = { job_id: JOB };

Deno.test("package_upgrade has the operation started as a job and returns the job", async () => {
  const root = new MemoryPrivileged(() => "done");
  const { result } = await callPrivileged(packageUpgrade, params, root);
  const { started, job_id, command } = packageUpgrade.result.parse(result);
  assertEquals([started, job_id, command], [true, JOB, "package_upgrade"]);
  assertEquals(root.performed, [["package_upgrade", { packages: [], refresh: true }]]);
});

Deno.test("package_upgrade is refused while its group is off", async () => {
  const root = new MemoryPrivileged(() => "done");
  const answer = await callPrivileged(packageUpgrade, params, root, { allow: ["see", "exec"] });
  assertRefused(answer, PERMISSION_DENIED, /packages/);
  assertEquals(root.performed, []);
});
