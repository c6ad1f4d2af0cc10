import { assertEquals } from "@std/assert";
import { directoryCreate } from "../../../handlers/files/directory_create.ts";
import { directoryRemove } from "../../../handlers/files/directory_remove.ts";
import { fileCommit } from "../../../handlers/files/file_commit.ts";
import { fileHash } from "../../../handlers/files/file_hash.ts";
import { fileList } from "../../../handlers/files/file_list.ts";
import { fileRead } from "../../../handlers/files/file_read.ts";
import { fileRemove } from "../../../handlers/files/file_remove.ts";
import { fileRename } from "../../../handlers/files/file_rename.ts";
import { fileStat } from "../../../handlers/files/file_stat.ts";
import { fileWrite } from "../../../handlers/files/file_write.ts";
import { UnescapedBytes } from "../../../lib/base/json_text.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { MemoryFiles } from "../../lib/guest/_memory_files.ts";
import { run } from "./_run.ts";

const SHA256_OF_HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

const GATES = [
  [fileRead, "allowed_read_paths", {}],
  [fileHash, "allowed_read_paths", {}],
  [fileStat, "allowed_read_paths", {}],
  [fileList, "allowed_read_paths", {}],
  [fileWrite, "allowed_write_paths", { content: "" }],
  [fileCommit, "allowed_write_paths", {
    from: "/in/a",
    size_bytes: 5,
    sha256: SHA256_OF_HELLO,
  }],
  [fileRemove, "allowed_write_paths", {}],
  [fileRename, "allowed_write_paths", { to: "/in/f" }],
  [directoryCreate, "allowed_write_paths", {}],
  [directoryRemove, "allowed_write_paths", {}],
] as const;

for (const [method, list, others] of GATES) {
  Deno.test(`${method.name} is governed only by ${list}`, async () => {
    const files = new MemoryFiles({ "/out/f": "secret" });
    const call = (security: Record<string, string[]>) =>
      rpcErrorOf(() => run(method, files, { path: "/out/f", ...others }, { security }));
    const everywhere = { allowed_read_paths: ["/"], allowed_write_paths: ["/"] };
    const { code, data } = await call({ ...everywhere, [list]: ["/in"] });
    assertEquals([code, data.reason], [-32001, `/out/f is outside ${list} (/in)`]);
    assertEquals((await call({ ...everywhere, [list]: [] })).data.reason.includes("empty"), true);
    assertEquals(files.textOf("/out/f"), "secret");
    assertEquals(
      method.errors.filter(({ when }) => when.includes(list)).map((error) => error.code),
      [-32001],
    );
  });
}

Deno.test("file_read closes the file, even if it is refused", async () => {
  const files = new MemoryFiles({ "/in/f": "hello", "/in/large": "x".repeat(5000) });
  assertEquals(await run(fileRead, files, { path: "/in/f" }), {
    content: "hello",
    size_bytes: 5,
    encoding: "utf8",
  });
  const error = await rpcErrorOf(() =>
    run(fileRead, files, { path: "/in/large" }, { resultLimitBytes: 1000 })
  );
  assertEquals([error.code, error.data.limit_bytes], [-32000, 808]);
  assertEquals(files.openPaths, []);
});

Deno.test("file_read returns base64 that is released once the reply is written", async () => {
  const files = new MemoryFiles({ "/in/f": "hello" });
  const params = { path: "/in/f", encoding: "base64", offset: 1, length: 3 };
  const result = await run(fileRead, files, params);
  const { content } = result as { content: UnescapedBytes };
  assertEquals([content instanceof UnescapedBytes, content.toJSON()], [true, btoa("ell")]);
  assertEquals(files.unreleased, 1);
  content.release();
  content.release();
  assertEquals(files.unreleased, 0);
});

Deno.test("file_write replaces a whole file and keeps its permissions", async () => {
  const files = new MemoryFiles();
  const written = await run(fileWrite, files, {
    path: "/in/f",
    content: "hello",
    permissions: "0750",
  });
  assertEquals(written, { bytes_written: 5, path: "/in/f" });
  await run(fileWrite, files, { path: "/in/f", content: "new" });
  assertEquals([files.textOf("/in/f"), files.modeOf("/in/f")], ["new", 0o750]);
});

Deno.test("file_write with an offset creates the file, writes in place and closes it", async () => {
  const files = new MemoryFiles();
  await run(fileWrite, files, { path: "/in/f", content: "hello", offset: 2 });
  await run(fileWrite, files, { path: "/in/f", content: btoa("H"), encoding: "base64", offset: 2 });
  assertEquals(files.textOf("/in/f"), "\0\0Hello");
  assertEquals(files.openPaths, []);
});

Deno.test("file_write refuses what would exceed max_file_size_mb before it touches a file", async () => {
  const files = new MemoryFiles();
  const security = { max_file_size_mb: 1 };
  const params = { path: "/in/f", content: "x", offset: 1024 * 1024 };
  const error = await rpcErrorOf(() => run(fileWrite, files, params, { security }));
  assertEquals([error.code, error.data.size_bytes], [-32000, 1024 * 1024 + 1]);
  assertEquals(files.textOf("/in/f"), undefined);
});

Deno.test("file_hash, file_stat, file_list and file_commit describe the same file", async () => {
  const files = new MemoryFiles({ "/in/a": "hello", "/in/b": "" });
  assertEquals(await run(fileHash, files, { path: "/in/a" }), {
    path: "/in/a",
    sha256: SHA256_OF_HELLO,
    size_bytes: 5,
    offset: 0,
    bytes_hashed: 5,
  });
  const described = { type: "file", size_bytes: 5, permissions: "0644", modified_at: 0 };
  assertEquals(await run(fileStat, files, { path: "/in/a" }), { path: "/in/a", ...described });
  assertEquals(await run(fileList, files, { path: "/in", limit: 1 }), {
    path: "/in",
    entries: [{ name: "a", ...described }],
    next: "a",
  });
  const params = { path: "/in/c", from: "/in/a", size_bytes: 5, sha256: SHA256_OF_HELLO };
  assertEquals(await run(fileCommit, files, params), { path: "/in/c", size_bytes: 5 });
  assertEquals([files.textOf("/in/a"), files.textOf("/in/c")], [undefined, "hello"]);
});
