import { assertEquals } from "@std/assert";
import { directoryCreate } from "../../../handlers/files/directory_create.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { MemoryFiles } from "../../lib/guest/_memory_files.ts";
import { run } from "./_run.ts";

Deno.test("directory_create says whether it created the directory", async () => {
  const files = new MemoryFiles({ "/in/f": "" });
  const create = (params: Record<string, unknown>) => run(directoryCreate, files, params);
  assertEquals(await create({ path: "/in/d/" }), { path: "/in/d", created: true });
  assertEquals(await create({ path: "/in/d" }), { path: "/in/d", created: false });
  assertEquals((await rpcErrorOf(() => create({ path: "/in/x/y" }))).code, -32002);
  assertEquals(await create({ path: "/in/x/y", create_dirs: true }), {
    path: "/in/x/y",
    created: true,
  });
});

Deno.test("directory_create refuses permissions that are not octal", async () => {
  const params = { path: "/in/d", permissions: "rwx" };
  const error = await rpcErrorOf(() => run(directoryCreate, new MemoryFiles(), params));
  assertEquals([error.code, error.data.params], [-32602, ["permissions"]]);
});
