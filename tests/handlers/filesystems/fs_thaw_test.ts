import { assertEquals } from "@std/assert";
import { fsThaw } from "../../../handlers/filesystems/fs_thaw.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

Deno.test("fs_thaw tells what was thawed and what ended the freeze, also while frozen", async () => {
  for (
    const result of [
      { thawed: ["/"], problems: ["a hook failed"], ended_by: "request" },
      { thawed: [], problems: [], ended_by: null },
    ]
  ) {
    const root = new MemoryPrivileged(() => result);
    root.isFrozen = true;
    assertEquals((await callPrivileged(fsThaw, {}, root)).result, result);
  }
});
