import { assertEquals } from "@std/assert";
import { fileRename } from "../../../handlers/files/file_rename.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { MemoryFiles } from "../../lib/guest/_memory_files.ts";
import { run } from "./_run.ts";

Deno.test("file_rename replaces another file only when told", async () => {
  const files = new MemoryFiles({ "/in/f": "new", "/in/g": "old" });
  const params = { path: "/in/f", to: "/in/g" };
  assertEquals((await rpcErrorOf(() => run(fileRename, files, params))).code, -32000);
  assertEquals(files.textOf("/in/g"), "old");
  assertEquals(await run(fileRename, files, { ...params, replace: true }), { path: "/in/g" });
  assertEquals([files.textOf("/in/f"), files.textOf("/in/g")], [undefined, "new"]);
});

Deno.test("file_rename checks the new path too", async () => {
  const files = new MemoryFiles({ "/in/f": "x" });
  for (
    const [to, code] of [
      ["/out/f", -32001],
      ["in/f", -32602],
      ["/in/../out/f", -32001],
      ["/in/f", -32602],
    ] as const
  ) {
    assertEquals(
      (await rpcErrorOf(() => run(fileRename, files, { path: "/in/f", to }))).code,
      code,
    );
  }
});

Deno.test("file_rename cannot make a file readable that is not", async () => {
  const files = new MemoryFiles({ "/in/secret": "x" });
  const security = { allowed_read_paths: ["/in/public"] };
  const error = await rpcErrorOf(() =>
    run(fileRename, files, { path: "/in/secret", to: "/in/public/f" }, { security })
  );
  assertEquals([error.code, error.data.reason.includes("make it readable")], [-32001, true]);
  assertEquals(files.textOf("/in/secret"), "x");
});
