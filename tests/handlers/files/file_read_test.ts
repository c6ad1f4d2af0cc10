import { assertEquals } from "@std/assert";
import * as z from "zod";
import { fileRead } from "../../../handlers/files/file_read.ts";
import { Served } from "../_served.ts";
import { tool } from "../../_tool.ts";

// Paths, pieces and limits are tested in tests/agent/paths_test.ts and files_test.ts; here are the
// results against the machine's own files and tools.

const Whole = z.strictObject({
  content: z.string(),
  size_bytes: z.int(),
  encoding: z.string(),
});
const Piece = z.strictObject({
  ...Whole.shape,
  offset: z.int(),
  bytes_read: z.int(),
  eof: z.boolean(),
});

Deno.test("file_read agrees with cat and stat about a system file", async () => {
  await using served = await Served.start(fileRead, {
    config: () => ({ security: { allowed_read_paths: ["/etc"] } }),
  });
  for (const path of ["/etc/passwd", "/etc/group"]) {
    const { content, size_bytes, encoding } = await served.call({ path }, Whole);
    assertEquals(content.trim(), await tool("cat", path));
    assertEquals([size_bytes, encoding], [Number(await tool("stat", "-c", "%s", path)), "utf8"]);
  }
});

Deno.test("file_read returns exact bytes in base64, as base64(1) does", async () => {
  await using served = await Served.start(fileRead);
  const path = `${served.files}/bytes`;
  await Deno.writeFile(path, crypto.getRandomValues(new Uint8Array(10_000)));
  const { content, size_bytes } = await served.call({ path, encoding: "base64" }, Whole);
  assertEquals(content, await tool("base64", "-w0", path));
  assertEquals(size_bytes, 10_000);
});

Deno.test("file_read returns the same piece as dd", async () => {
  await using served = await Served.start(fileRead);
  const path = `${served.files}/bytes`;
  await Deno.writeFile(path, crypto.getRandomValues(new Uint8Array(10_000)));
  const params = { path, offset: 1234, length: 567, encoding: "base64" };
  const piece = await served.call(params, Piece);
  const dd = `dd if=${path} bs=1 skip=1234 count=567 status=none | base64 -w0`;
  assertEquals(piece.content, await tool("sh", "-c", dd));
  assertEquals([piece.offset, piece.bytes_read, piece.eof], [1234, 567, false]);
});

Deno.test("file_read returns different members for a whole file and a piece", async () => {
  await using served = await Served.start(fileRead);
  const path = `${served.files}/text`;
  await Deno.writeTextFile(path, "12345");
  await served.call({ path }, Whole);
  await served.call({ path, offset: 0 }, Piece);
  await served.call({ path, length: 5 }, Piece);
});
