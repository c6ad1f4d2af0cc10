import { assertEquals } from "@std/assert";
import { packageInstall } from "../../../handlers/packages/package_install.ts";
import { PERMISSION_DENIED } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

const JOB = "change-1";
const params = { job_id: JOB, packages: ["nginx"] };

Deno.test("package_install has the operation started as a job and returns the job", async () => {
  const root = new MemoryPrivileged(() => "done");
  const { result } = await callPrivileged(packageInstall, params, root);
  const { started, job_id, command } = packageInstall.result.parse(result);
  assertEquals([started, job_id, command], [true, JOB, "package_install"]);
  assertEquals(root.performed, [["package_install", { packages: ["nginx"], refresh: true }]]);
});

Deno.test("package_install is refused while its group is off", async () => {
  const root = new MemoryPrivileged(() => "done");
  const answer = await callPrivileged(packageInstall, params, root, { allow: ["see", "exec"] });
  assertRefused(answer, PERMISSION_DENIED, /packages/);
  assertEquals(root.performed, []);
});
