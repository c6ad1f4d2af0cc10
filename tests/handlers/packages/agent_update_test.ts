import { assertEquals } from "@std/assert";
import { agentUpdate } from "../../../handlers/packages/agent_update.ts";
import { PERMISSION_DENIED } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

const UPDATE = {
  path: "/tmp/kvmmanager/kvmmanager-agent_1.1.0_amd64.deb",
  sums: "",
  signature: `${"A".repeat(86)}==`,
};
const params = { job_id: "update-1", ...UPDATE };

Deno.test("agent_update has the operation started as a job and returns the job", async () => {
  const root = new MemoryPrivileged(() => "done");
  const { result } = await callPrivileged(agentUpdate, params, root);
  const { started, job_id, command } = agentUpdate.result.parse(result);
  assertEquals([started, job_id, command], [true, "update-1", "agent_update"]);
  assertEquals(root.performed, [["agent_update", { ...UPDATE, downgrade: false }]]);
});

Deno.test("agent_update is refused while its group is off", async () => {
  const root = new MemoryPrivileged(() => "done");
  const answer = await callPrivileged(agentUpdate, params, root, { allow: ["see", "exec"] });
  assertRefused(answer, PERMISSION_DENIED, /packages/);
  assertEquals(root.performed, []);
});
