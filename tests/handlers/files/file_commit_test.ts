import { assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { fileCommit } from "../../../handlers/files/file_commit.ts";
import { assertRefused } from "../../agent/_host.ts";
import { Served } from "../_served.ts";
import { tool } from "../../_tool.ts";

const Result = z.strictObject({ path: z.string(), size_bytes: z.int() });

/** Creates the file to be committed; returns the parameters. */
async function partial(served: Served, content: string, name = "f") {
  const from = `${served.files}/.${name}.part`;
  await Deno.writeTextFile(from, content);
  const sha256 = (await tool("sha256sum", from)).slice(0, 64);
  return { path: `${served.files}/${name}`, from, size_bytes: content.length, sha256 };
}

const namesIn = async (path: string) =>
  (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort();

const modeOf = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;

Deno.test("file_commit gives a verified file its name, new or over another", async () => {
  await using served = await Served.start(fileCommit);
  for (const content of ["first", "", "another one"]) {
    const params = await partial(served, content);
    assertEquals(await served.call(params, Result), {
      path: params.path,
      size_bytes: content.length,
    });
    assertEquals(await Deno.readTextFile(params.path), content);
    assertEquals(await namesIn(served.files), ["f"]);
  }
});

Deno.test("file_commit sets the requested permissions, else those of the replaced file, else 0644", async () => {
  await using served = await Served.start(fileCommit);
  const params = await partial(served, "x");
  await served.call(params, Result);
  assertEquals(await modeOf(params.path), 0o644);
  await served.call({ ...await partial(served, "y"), permissions: "0751" }, Result);
  assertEquals(await modeOf(params.path), 0o751);
  await served.call(await partial(served, "z"), Result);
  assertEquals(await modeOf(params.path), 0o751);
});

Deno.test("file_commit changes nothing if size or SHA-256 differ", async () => {
  await using served = await Served.start(fileCommit);
  await Deno.writeTextFile(`${served.files}/f`, "old");
  const params = await partial(served, "new content");
  const wrongSize = { ...params, size_bytes: 10 };
  assertRefused(await served.answer(wrongSize), -32000, /has 11 bytes, not 10/);
  const wrongHash = { ...params, sha256: "0".repeat(64) };
  const { data } = assertRefused(
    await served.answer(wrongHash),
    -32000,
    /the SHA-256 of .* does not match/,
  );
  // It must not reveal the hash: write access does not include read access.
  assertEquals(JSON.stringify(data).includes(params.sha256), false);
  assertEquals(await Deno.readTextFile(params.path), "old");
  assertEquals(await namesIn(served.files), [".f.part", "f"]);
});

Deno.test("file_commit refuses links, other directories and anything that is not a regular file", async () => {
  await using served = await Served.start(fileCommit);
  const { files } = served;
  const params = await partial(served, "content");
  await Deno.symlink(".f.part", `${files}/link`);
  await Deno.symlink("/etc/passwd", `${files}/target`);
  await Deno.mkdir(`${files}/directory/below`, { recursive: true });
  await tool("mkfifo", `${files}/fifo`);
  for (
    const [change, code, reason] of [
      [{ from: `${files}/link` }, -32001, /symbolic link/],
      [{ path: `${files}/target` }, -32001, /symbolic link/],
      [{ from: `${files}/none` }, -32002, /No such file/],
      [{ from: `${files}/fifo` }, -32000, /FIFO/],
      [{ path: `${files}/directory` }, -32000, /directory/],
      [{ path: `${files}/directory/f` }, -32602, /in the same directory as path/],
      [{ path: params.from }, -32602, /a different file/],
      [{ path: "/etc/f" }, -32001, /outside allowed_write_paths/],
      [{ from: "/etc/passwd" }, -32001, /outside allowed_write_paths/],
      [{ sha256: "abc" }, -32602, /sha256/],
      [{ size_bytes: -1 }, -32602, /size_bytes/],
    ] as const
  ) {
    assertRefused(await served.answer({ ...params, ...change }), code, reason);
  }
  assertEquals(await Deno.readTextFile(params.from), "content");
  assertMatch(await Deno.readLink(`${files}/target`), /passwd/);
});

Deno.test("file_commit needs only write access", async () => {
  await using served = await Served.start(fileCommit, {
    config: () => ({ security: { allowed_read_paths: [] } }),
  });
  const params = await partial(served, "content");
  await served.call(params, Result);
  assertEquals(await Deno.readTextFile(params.path), "content");
});
