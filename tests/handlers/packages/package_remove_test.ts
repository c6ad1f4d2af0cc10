import { assertEquals } from "@std/assert";
import { packageRemove } from "../../../handlers/packages/package_remove.ts";
import { PERMISSION_DENIED } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

const JOB = "change-1";
const params = { job_id: JOB, packages: ["nginx"] };

Deno.test("package_remove has the operation started as a job and returns the job", async () => {
  const root = new MemoryPrivileged(() => "done");
  const { result } = await callPrivileged(packageRemove, params, root);
  const { started, job_id, command } = packageRemove.result.parse(result);
  assertEquals([started, job_id, command], [true, JOB, "package_remove"]);
  assertEquals(root.performed, [["package_remove", { packages: ["nginx"] }]]);
});

Deno.test("package_remove is refused while its group is off", async () => {
  const root = new MemoryPrivileged(() => "done");
  const answer = await callPrivileged(packageRemove, params, root, { allow: ["see", "exec"] });
  assertRefused(answer, PERMISSION_DENIED, /packages/);
  assertEquals(root.performed, []);
});
