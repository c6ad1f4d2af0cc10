import { assertEquals } from "@std/assert";
import { agentUpdateStatusAsRoot } from "../../../../lib/privileged/updates/agent_update_status.ts";
import { ScriptedRoot } from "../_scripted_root.ts";

const SUM = "ab".repeat(32);

const statusOf = async (stdout: string, code = 0) =>
  await agentUpdateStatusAsRoot.prepare({}).run(new ScriptedRoot(() => ({ code, stdout })));

Deno.test("the outcome of the last update is told as it was left", async () => {
  assertEquals(await statusOf(`restored\n1702123456\n${SUM}\n1.0.0\n1.1.0\nit did not come up\n`), {
    state: "restored",
    started_at: 1702123456,
    sha256: SUM,
    from_version: "1.0.0",
    to_version: "1.1.0",
    reason: "it did not come up",
  });
  assertEquals(await statusOf(`running\n7\n${SUM}\n\n\n\n`), {
    state: "running",
    started_at: 7,
    sha256: SUM,
  });
});

Deno.test("without an update, or with a file that is none, the state is none", async () => {
  assertEquals(await statusOf("", 1), { state: "none" });
  assertEquals(await statusOf("nonsense\n"), { state: "none" });
});
