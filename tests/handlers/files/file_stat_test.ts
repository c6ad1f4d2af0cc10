import { assertEquals } from "@std/assert";
import * as z from "zod";
import { fileStat } from "../../../handlers/files/file_stat.ts";
import { assertRefused } from "../../agent/_host.ts";
import { Served } from "../_served.ts";
import { tool } from "../../_tool.ts";

const Result = z.strictObject({
  path: z.string(),
  type: z.string(),
  size_bytes: z.int(),
  permissions: z.string(),
  modified_at: z.int(),
});

Deno.test("file_stat reports what stat(1) reports for every type of entry", async () => {
  await using served = await Served.start(fileStat);
  const { files } = served;
  await Deno.writeTextFile(`${files}/file`, "twelve bytes");
  await Deno.chmod(`${files}/file`, 0o4750);
  await Deno.mkdir(`${files}/directory/below`, { recursive: true });
  await tool("mkfifo", `${files}/fifo`);
  using _listener = Deno.listen({ transport: "unix", path: `${files}/socket` });
  for (
    const [name, type] of [
      ["file", "file"],
      ["directory", "directory"],
      ["directory/below", "directory"],
      ["fifo", "fifo"],
      ["socket", "socket"],
    ] as const
  ) {
    const path = `${files}/${name}`;
    const [size = "", mode = "", time = ""] = (await tool("stat", "-c", "%s %a %Y", path)).split(
      " ",
    );
    assertEquals(await served.call({ path }, Result), {
      path,
      type,
      size_bytes: Number(size),
      permissions: mode.slice(-3).padStart(4, "0"),
      modified_at: Number(time),
    });
  }
});

Deno.test("file_stat accepts the allowed directory itself, and normalises the path", async () => {
  await using served = await Served.start(fileStat);
  const result = await served.call({ path: `${served.files}/./x/../` }, Result);
  assertEquals([result.path, result.type], [served.files, "directory"]);
});

Deno.test("file_stat needs no read permission for the file", async () => {
  await using served = await Served.start(fileStat);
  const path = `${served.files}/secret`;
  await Deno.writeTextFile(path, "secret");
  await Deno.chmod(path, 0);
  assertEquals((await served.call({ path }, Result)).size_bytes, 6);
});

Deno.test("file_stat refuses links, paths that are not allowed and missing files", async () => {
  await using served = await Served.start(fileStat);
  const { files, agent } = served;
  await Deno.mkdir(`${files}/real`);
  await Deno.writeTextFile(`${files}/real/file`, "");
  await Deno.symlink("real", `${files}/link`);
  await Deno.symlink("/etc/passwd", `${files}/outside`);
  await Deno.symlink("nowhere", `${files}/dangling`);
  for (
    const [path, code, reason] of [
      [`${files}/link`, -32001, /symbolic link/],
      [`${files}/link/file`, -32001, /symbolic link/],
      [`${files}/outside`, -32001, /symbolic link/],
      [`${files}/dangling`, -32001, /symbolic link/],
      [agent.paths.directory, -32001, /outside allowed_read_paths/],
      [`${files}x`, -32001, /outside allowed_read_paths/],
      [`${files}/../config.json`, -32001, /outside allowed_read_paths/],
      [`${files}/none`, -32002, /No such file/],
      [`${files}/none/file`, -32002, /No such file/],
      ["relative", -32602, /must be absolute/],
    ] as const
  ) {
    assertRefused(await served.answer({ path }), code, reason);
  }
});
