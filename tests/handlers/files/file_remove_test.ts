import { assertEquals } from "@std/assert";
import { fileRemove } from "../../../handlers/files/file_remove.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { MemoryFiles } from "../../lib/guest/_memory_files.ts";
import { run } from "./_run.ts";

Deno.test("file_remove removes a file and returns its normal path", async () => {
  const files = new MemoryFiles({ "/in/f": "x", "/in/g": "y" });
  assertEquals(await run(fileRemove, files, { path: "/in/./f" }), { path: "/in/f" });
  assertEquals([files.textOf("/in/f"), files.textOf("/in/g")], [undefined, "y"]);
});

Deno.test("file_remove refuses a trailing slash, a directory and a missing file", async () => {
  const files = new MemoryFiles({ "/in/d/f": "x" });
  for (const [path, code] of [["/in/d/", -32602], ["/in/d", -32000], ["/in/x", -32002]] as const) {
    assertEquals((await rpcErrorOf(() => run(fileRemove, files, { path }))).code, code);
  }
  assertEquals(files.textOf("/in/d/f"), "x");
});
