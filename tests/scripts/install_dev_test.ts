/**
 * `deno task install:dev` without a guest; tests/vm/service_test.ts puts a changed method into one.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { namesIn, TempDirectory } from "../lib/_helpers.ts";
import { runScript } from "./_run.ts";

const INSTALL = "scripts/install_dev.ts";

for (
  const [what, args, text] of [
    ["an unknown accelerator", ["--accel", "xen"], /--accel must be tcg or kvm, received "xen"/],
    ["an unknown option", ["--memroy", "512"], /unknown option --memroy/],
    ["a word", ["guest"], /unexpected argument "guest"/],
  ] as const
) {
  Deno.test(`install:dev refuses ${what} with 64`, async () => {
    const { code, stdout, stderr } = await runScript(INSTALL, args);
    assertEquals([code, stdout], [64, ""]);
    assertMatch(stderr, text);
  });
}

Deno.test("install:dev says in one line everything that is missing, before it does anything", async () => {
  await using directory = await TempDirectory.make();
  const { code, stdout, stderr } = await runScript(INSTALL, [], {
    PATH: directory.path,
    XDG_CACHE_HOME: directory.path,
  });
  assertEquals([code, stdout], [69, ""]);
  assertMatch(
    stderr,
    /^install:dev: mmdebstrap, .*qemu-img.* not found; on Debian: apt-get install .*mmdebstrap .*qemu-utils.*\n$/,
  );
  assert(!(await namesIn(directory.path)).includes("kvmmanager-agent"), "a cache for guests");
});
