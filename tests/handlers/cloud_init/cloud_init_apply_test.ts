import { assertEquals, assertMatch } from "@std/assert";
import { cloudInitApply } from "../../../handlers/cloud_init/cloud_init_apply.ts";
import type { CloudInitState } from "../../../lib/guest/cloud_init.ts";
import { GROUPS } from "../../../lib/policy/groups.ts";
import { COMMAND_FAILED, INVALID_PARAMS, PERMISSION_DENIED } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

const content = "#cloud-config\nchpasswd: {list: secret}\n";

/** Calls the method in a guest whose cloud-init is in the given state, or that has none. */
async function apply(
  state: CloudInitState | undefined,
  { allow = GROUPS, text = content }: { allow?: typeof GROUPS | ["see"]; text?: string } = {},
) {
  const root = new MemoryPrivileged(() => "done");
  const cloudInit = state === undefined
    ? undefined
    : { status: () => Promise.resolve({ state, stage: "modules-final", errors: [] }) };
  const params = { job_id: "cloud-1", content: text };
  const answer = await callPrivileged(cloudInitApply, params, root, {
    allow,
    guest: { cloudInit },
  });
  return { answer, performed: root.performed };
}

Deno.test("cloud_init_apply has the operation started as a job and returns the job", async () => {
  const { answer, performed } = await apply("done");
  const { started, job_id, command } = cloudInitApply.result.parse(answer.result);
  assertEquals([started, job_id, command], [true, "cloud-1", "cloud_init_apply"]);
  assertEquals(performed, [["cloud_init_apply", { content }]]);
});

Deno.test("cloud_init_apply waits for nothing: while cloud-init runs it is refused", async () => {
  const { answer, performed } = await apply("running");
  assertRefused(answer, COMMAND_FAILED, /still running for this boot \(modules-final\)/);
  assertEquals(performed, []);
});

Deno.test("cloud_init_apply in a guest without cloud-init says that it is not installed", async () => {
  const { answer, performed } = await apply(undefined);
  assertRefused(answer, COMMAND_FAILED, /cloud-init is not installed/);
  assertEquals(performed, []);
});

Deno.test("cloud_init_apply is refused while its group is off", async () => {
  const { answer, performed } = await apply("done", { allow: ["see"] });
  assertRefused(answer, PERMISSION_DENIED, /"cloud-init"/);
  assertEquals(performed, []);
});

Deno.test("cloud_init_apply refuses what is no document, without repeating it", async () => {
  const { answer, performed } = await apply("done", { text: "chpasswd: {list: secret}" });
  assertRefused(answer, INVALID_PARAMS, /must begin with a line `#cloud-config`/);
  assertMatch(JSON.stringify(answer), /^(?!.*secret)/);
  assertEquals(performed, []);
});
