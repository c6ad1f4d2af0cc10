import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { denoDirWithoutRuntime, NO_NETWORK, provideBundle } from "./_compile.ts";
import { runScript } from "./_run.ts";
import { TempDirectory } from "../lib/_helpers.ts";

const COMPILE = "scripts/compile_ctl.ts";

for (
  const [what, args, text] of [
    ["an unknown target", ["--target", "sparc"], /--target must be one of .*received "sparc"/],
    ["an unknown option", ["--ouptut", "x"], /unknown option --ouptut/],
    ["an output given twice", ["--output", "a", "--output", "b"], /more than once/],
  ] as const
) {
  Deno.test(`compile:ctl refuses ${what} with 64`, async () => {
    const { code, stdout, stderr } = await runScript(COMPILE, args);
    assertEquals([code, stdout], [64, ""]);
    assertMatch(stderr, text);
  });
}

Deno.test("compile:ctl says in one line that the runtime is missing, and leaves nothing behind", async () => {
  await provideBundle("ctl.js", "host/ctl/main.ts");
  await using directory = await TempDirectory.make();
  const output = `${directory.path}/out/kvmmanager-ctl`;
  const env = { ...NO_NETWORK, ...await denoDirWithoutRuntime(directory.path) };
  const { code, stdout, stderr } = await runScript(COMPILE, ["--output", output], env);
  assertEquals({ code, stdout }, { code: 69, stdout: "" });
  assertMatch(stderr, /^compile:ctl: .* set DENORT_BIN=\/path\/to\/denort, or provide \S+\.zip\n$/);
  assertEquals(await Array.fromAsync(Deno.readDir(`${directory.path}/out`)), []);
});

Deno.test("compile:ctl refuses a whole runtime and leaves no file", async () => {
  await provideBundle("ctl.js", "host/ctl/main.ts");
  await using directory = await TempDirectory.make();
  const output = `${directory.path}/out/kvmmanager-ctl`;
  const env = { DENORT_BIN: Deno.execPath() };
  const { code, stdout, stderr } = await runScript(COMPILE, ["--output", output], env);
  assertEquals({ code, stdout }, { code: 69, stdout: "" });
  assertStringIncludes(stderr, "the runtime is a whole deno");
  assertEquals(await Array.fromAsync(Deno.readDir(`${directory.path}/out`)), []);
});
