import { assertEquals } from "@std/assert";
import * as z from "zod";
import { fileWrite } from "../../../handlers/files/file_write.ts";
import { Served } from "../_served.ts";
import { tool } from "../../_tool.ts";

// Paths, pieces, atomicity and full disks are tested in tests/agent/paths_test.ts and
// files_test.ts; here are the results against the machine's own tools.

const Result = z.strictObject({ bytes_written: z.int(), path: z.string() });

Deno.test("file_write creates a file as the machine's tools confirm", async () => {
  await using served = await Served.start(fileWrite);
  const path = `${served.files}/kvmmanager-data.txt`;
  const params = {
    path,
    content: "Hello from host!",
    encoding: "utf8",
    create_dirs: true,
    permissions: "0640",
  };
  assertEquals(await served.call(params, Result), { bytes_written: 16, path });
  assertEquals(await tool("cat", path), "Hello from host!");
  assertEquals(await tool("stat", "-c", "%a %s %F", path), "640 16 regular file");
});

Deno.test("file_write creates files with the agent's user and group", async () => {
  await using served = await Served.start(fileWrite);
  for (const params of [{ content: "whole" }, { content: "piece", offset: 0 }]) {
    const path = `${served.files}/${params.content}/f`;
    await served.call({ path, create_dirs: true, ...params }, Result);
    const owner = await tool("sh", "-c", "echo $(id -u) $(id -g)");
    assertEquals(await tool("stat", "-c", "%u %g", path), owner);
    assertEquals(await tool("stat", "-c", "%u %g", `${served.files}/${params.content}`), owner);
  }
});

Deno.test("file_write counts bytes, not characters", async () => {
  await using served = await Served.start(fileWrite);
  const path = `${served.files}/f`;
  assertEquals((await served.call({ path, content: "é€😀" }, Result)).bytes_written, 9);
  const content = new Uint8Array(100).toBase64();
  const written = await served.call({ path, content, encoding: "base64" }, Result);
  assertEquals(written.bytes_written, 100);
  const piece = await served.call({ path, content: "é", offset: 50 }, Result);
  assertEquals(piece.bytes_written, 2);
  assertEquals(await tool("stat", "-c", "%s", path), "100");
});
