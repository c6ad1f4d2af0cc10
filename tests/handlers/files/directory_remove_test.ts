import { assertEquals } from "@std/assert";
import { directoryRemove } from "../../../handlers/files/directory_remove.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { MemoryFiles } from "../../lib/guest/_memory_files.ts";
import { run } from "./_run.ts";

Deno.test("directory_remove removes what a directory holds only when told", async () => {
  const files = new MemoryFiles({ "/in/d/f": "x", "/in/g": "y" });
  const remove = (params: Record<string, unknown>) => run(directoryRemove, files, params);
  assertEquals((await rpcErrorOf(() => remove({ path: "/in/d" }))).code, -32000);
  assertEquals(files.textOf("/in/d/f"), "x");
  assertEquals(await remove({ path: "/in/d", recursive: true }), {
    path: "/in/d",
    entries_removed: 2,
  });
  assertEquals([files.textOf("/in/d/f"), files.textOf("/in/g")], [undefined, "y"]);
});

Deno.test("directory_remove leaves an allowed path itself alone, however it is spelled", async () => {
  const files = new MemoryFiles({ "/in/f": "x" });
  for (const path of ["/in", "/in/", "/in/d/.."]) {
    const error = await rpcErrorOf(() => run(directoryRemove, files, { path, recursive: true }));
    assertEquals(error.code, -32001);
  }
  assertEquals(files.textOf("/in/f"), "x");
});
