/**
 * The commands for what needs root in the guest.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { EXIT } from "../../../host/ctl/exit.ts";
import { TempDirectory } from "../../lib/_helpers.ts";
import { resultLine, ScriptedAgent } from "../_scripted_agent.ts";
import { ctl } from "./_ctl.ts";

/** Runs a command line against an agent that answers with `result`. */
async function run(args: readonly string[], result: unknown) {
  await using directory = await TempDirectory.make();
  const socket = directory.at("s");
  await using agent = new ScriptedAgent(socket);
  agent.answerer = (request) => ({ text: resultLine(request, result) });
  const { code, stdout, stderr } = await ctl([...args, "--socket", socket]);
  const { method, params } = agent.requests.at(-1) ?? {};
  return { code, stdout, stderr, method, params };
}

Deno.test("ctl trim trims what is named, and fails if a file system could not be trimmed", async () => {
  const filesystems = [
    { mount_point: "/", trimmed_bytes: 1024 },
    { mount_point: "/boot", error: "not supported\x1b[2J" },
  ];
  const some = await run(["trim", "/", "/boot"], { filesystems });
  assertEquals([some.method, some.params], ["fs_trim", { mount_points: ["/", "/boot"] }]);
  assertEquals(some.code, EXIT.errorAnswer);
  assertEquals(some.stdout.includes("\x1b"), false);
  const all = await run(["trim", "--json"], { filesystems: filesystems.slice(0, 1) });
  assertEquals([all.code, all.params], [EXIT.ok, {}]);
  assertEquals(JSON.parse(all.stdout).filesystems, filesystems.slice(0, 1));
});
