import { assertEquals, assertMatch } from "@std/assert";
import { runTestScript } from "../../../_deno.ts";
import { TempDirectory } from "../../_helpers.ts";

/** Why a process with these flags cannot create a socket. */
async function reasonFor(path: string, flags: readonly string[]): Promise<string> {
  const { stdout, stderr } = await runTestScript("lib/platform/linux/_listen.ts", {
    flags,
    args: [path],
  });
  assertEquals(stderr, "");
  return stdout.trim();
}

for (
  const [what, flags, missing] of [
    ["nothing", [], "read and write and connect to"],
    ["files alone", ["--allow-read=DIR", "--allow-write=DIR"], "connect to"],
    ["another socket", [
      "--allow-read=DIR",
      "--allow-write=DIR",
      "--allow-net=unix:DIR/other.sock",
    ], "connect to"],
    ["reading and the socket", ["--allow-read=DIR", "--allow-net=unix:DIR/s.sock"], "write"],
  ] as const
) {
  Deno.test(`a process that was granted ${what} says which permission is missing, and what to do`, async () => {
    await using directory = await TempDirectory.make();
    const reason = await reasonFor(
      directory.at("s.sock"),
      flags.map((flag) => flag.replace("DIR", directory.path)),
    );
    assertMatch(
      reason,
      new RegExp(`started without permission to ${missing} this socket; restart the agent: `),
    );
    assertEquals(/link|--allow|run again/.test(reason), false, reason);
  });
}

Deno.test("a process that was granted the socket can create it", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("s.sock");
  const flags = [`--allow-read=${path}`, `--allow-write=${path}`, `--allow-net=unix:${path}`];
  assertEquals(await reasonFor(path, flags), "no error");
});
