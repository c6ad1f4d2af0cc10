import { assertEquals } from "@std/assert";
import { agentUpdateStatus } from "../../../handlers/packages/agent_update_status.ts";
import { PERMISSION_DENIED } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

Deno.test("agent_update_status returns what the broker tells", async () => {
  const root = new MemoryPrivileged(() => agentUpdateStatus.example.result);
  const { result } = await callPrivileged(agentUpdateStatus, {}, root);
  assertEquals(result, agentUpdateStatus.example.result);
});

Deno.test("agent_update_status is refused while its group is off", async () => {
  const root = new MemoryPrivileged(() => "done");
  const answer = await callPrivileged(agentUpdateStatus, {}, root, { allow: ["see", "exec"] });
  assertRefused(answer, PERMISSION_DENIED, /packages/);
});
