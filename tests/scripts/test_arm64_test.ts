import { assertEquals, assertMatch } from "@std/assert";
import { TempDirectory } from "../lib/_helpers.ts";
import { runScript } from "./_run.ts";

Deno.test("test:arm64 says in one line everything that is missing", async () => {
  await using directory = await TempDirectory.make();
  const { code, stdout, stderr } = await runScript("scripts/test_arm64.ts", [], {
    PATH: directory.path,
  });
  assertEquals([code, stdout], [69, ""]);
  assertMatch(
    stderr,
    /^test:arm64: qemu-aarch64-static, npm, .* not found; on Debian: apt-get install .*qemu-user-static libc6-arm64-cross libgcc-s1-arm64-cross.*\n$/,
  );
});
