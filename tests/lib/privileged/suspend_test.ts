import { assertEquals, assertStringIncludes } from "@std/assert";
import { suspendAsRoot } from "../../../lib/privileged/suspend.ts";
import { COMMAND_FAILED, INVALID_PARAMS } from "../../_error_codes.ts";
import { rpcErrorOf } from "../_helpers.ts";
import { ScriptedRoot } from "./_scripted_root.ts";

const suspend = (root: ScriptedRoot, params: unknown) => suspendAsRoot.prepare(params).run(root);

for (const [to, verb] of [["ram", "suspend"], ["disk", "hibernate"], ["hybrid", "hybrid-sleep"]]) {
  Deno.test(`suspend to ${to} is left to the service manager`, async () => {
    const root = new ScriptedRoot();
    assertEquals(await suspend(root, { to }), {});
    assertEquals(root.commandLines, [`systemctl ${verb}`]);
  });
}

Deno.test("suspend tells why the service manager refused it", async () => {
  const stderr = 'Call to Hibernate failed: Sleep verb "hibernate" not supported\n';
  const root = new ScriptedRoot(() => ({ code: 1, stderr }));
  const error = await rpcErrorOf(() => suspend(root, { to: "disk" }));
  assertEquals(error.code, COMMAND_FAILED);
  assertStringIncludes(error.data.reason, 'Sleep verb "hibernate" not supported');
});

Deno.test("suspend knows no other state", async () => {
  const root = new ScriptedRoot();
  assertEquals((await rpcErrorOf(() => suspend(root, { to: "off" }))).code, INVALID_PARAMS);
  assertEquals(root.runs, []);
});
