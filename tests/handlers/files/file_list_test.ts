import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { fileList } from "../../../handlers/files/file_list.ts";
import { assertRefused } from "../../agent/_host.ts";
import { Served } from "../_served.ts";
import { tool } from "../../_tool.ts";

const Result = z.strictObject({
  path: z.string(),
  entries: z.array(z.strictObject({
    name: z.string(),
    type: z.string(),
    size_bytes: z.int(),
    permissions: z.string(),
    modified_at: z.int(),
  })),
  next: z.optional(z.string()),
  names_not_utf8: z.optional(z.int()),
});

/** Every page of a directory. */
async function pages(served: Served, params: Record<string, unknown>) {
  const all = [await served.call(params, Result)];
  for (let next = all[0]?.next; next !== undefined; next = all.at(-1)?.next) {
    all.push(await served.call({ ...params, after: next }, Result));
  }
  return all;
}

const namesOf = (page: z.output<typeof Result>) => page.entries.map(({ name }) => name);

Deno.test("file_list reports what stat(1) reports for every type of entry, sorted by name", async () => {
  await using served = await Served.start(fileList);
  const { files } = served;
  await Deno.writeTextFile(`${files}/file`, "twelve bytes");
  await Deno.chmod(`${files}/file`, 0o640);
  await Deno.writeTextFile(`${files}/.hidden`, "");
  await Deno.mkdir(`${files}/directory`);
  await Deno.symlink("/etc/passwd", `${files}/link`);
  await tool("mkfifo", `${files}/fifo`);
  using _listener = Deno.listen({ transport: "unix", path: `${files}/socket` });
  const { path, entries, next } = await served.call({ path: files }, Result);
  assertEquals([path, next], [files, undefined]);
  assertEquals(entries.map(({ name, type }) => [name, type]), [
    [".hidden", "file"],
    ["directory", "directory"],
    ["fifo", "fifo"],
    ["file", "file"],
    ["link", "symlink"],
    ["socket", "socket"],
  ]);
  for (const { name, size_bytes, permissions, modified_at } of entries) {
    const expected = await tool("stat", "-c", "%s %a %Y", `${files}/${name}`);
    assertEquals(`${size_bytes} ${Number(permissions)} ${modified_at}`, expected);
  }
});

Deno.test("file_list separates names whatever characters they contain", async () => {
  await using served = await Served.start(fileList);
  const names = [
    "\n",
    "a\n",
    "a\nb",
    "-rf",
    " ",
    "with 'quotes' and \"more\"",
    "$(touch x)",
    "*",
    "\\",
    "é€😀",
    "\ufffd",
    "\u0001\u001b[31m",
    "n".repeat(255),
  ];
  for (const name of names) await Deno.writeTextFile(`${served.files}/${name}`, "");
  const page = await served.call({ path: served.files }, Result);
  assertEquals(namesOf(page), names.toSorted());
  assertEquals(page.names_not_utf8, undefined);
});

Deno.test("file_list omits and counts names that are not UTF-8", async () => {
  await using served = await Served.start(fileList);
  await tool(
    "sh",
    "-c",
    `cd ${served.files} && touch good "$(printf 'b\\377d')" "$(printf '\\303')"`,
  );
  const page = await served.call({ path: served.files }, Result);
  assertEquals([namesOf(page), page.names_not_utf8], [["good"], 2]);
});

Deno.test("file_list returns a large directory in pages that fit, each name once", async () => {
  await using served = await Served.start(fileList);
  const count = 3000;
  await tool("sh", "-c", `cd ${served.files} && seq 1 ${count} | xargs touch`);
  const expected = Array.from({ length: count }, (_, index) => String(index + 1)).sort();
  for (const params of [{}, { limit: 1000 }, { limit: 77 }]) {
    const all = await pages(served, { path: served.files, ...params });
    assertEquals(all.flatMap(namesOf), expected);
    assert(all.every(({ entries }) => entries.length <= (params.limit ?? 500)));
  }
});

Deno.test("file_list's pages fit a small message limit, even with names that are long in JSON", async () => {
  await using served = await Served.start(fileList, { config: () => ({ max_message_size_kb: 4 }) });
  const names = Array.from({ length: 40 }, (_, index) => `${"\u0001".repeat(200)}${index}`);
  for (const name of names) await Deno.writeTextFile(`${served.files}/${name}`, "");
  const all = await pages(served, { path: served.files });
  assertEquals(all.flatMap(namesOf), names.toSorted());
});

Deno.test("file_list reports an entry that does not fit into a message", async () => {
  await using served = await Served.start(fileList, { config: () => ({ max_message_size_kb: 1 }) });
  await Deno.writeTextFile(`${served.files}/${"\u0001".repeat(250)}`, "");
  assertRefused(await served.answer({ path: served.files }), -32000, /max_message_size_kb/);
});

Deno.test("file_list continues after a name that no longer exists", async () => {
  await using served = await Served.start(fileList);
  for (const name of ["a", "c"]) await Deno.writeTextFile(`${served.files}/${name}`, "");
  const page = await served.call({ path: served.files, after: "b" }, Result);
  assertEquals(namesOf(page), ["c"]);
});

Deno.test("file_list accepts an empty directory, and the allowed directory in any spelling", async () => {
  await using served = await Served.start(fileList);
  await Deno.mkdir(`${served.files}/empty`);
  assertEquals(await served.call({ path: `${served.files}//empty/` }, Result), {
    path: `${served.files}/empty`,
    entries: [],
  });
});

Deno.test("file_list refuses links, paths that are not allowed and files", async () => {
  await using served = await Served.start(fileList);
  const { files, agent } = served;
  await Deno.mkdir(`${files}/real/below`, { recursive: true });
  await Deno.symlink("real", `${files}/link`);
  await Deno.symlink("/etc", `${files}/outside`);
  await Deno.writeTextFile(`${files}/file`, "");
  for (
    const [params, code, reason] of [
      [{ path: `${files}/link` }, -32001, /symbolic link/],
      [{ path: `${files}/link/below` }, -32001, /symbolic link/],
      [{ path: `${files}/outside` }, -32001, /symbolic link/],
      [{ path: agent.paths.directory }, -32001, /outside allowed_read_paths/],
      [{ path: `${files}/none` }, -32002, /does not exist/],
      [{ path: `${files}/file` }, -32000, /\/file cannot be listed: .*\/file is not a directory$/],
      [
        { path: `${files}/file/below` },
        -32000,
        /\/file\/below cannot be listed: .*\/file is not a directory$/,
      ],
      [{ path: files, limit: 0 }, -32602, /limit/],
      [{ path: files, limit: 1001 }, -32602, /limit/],
    ] as const
  ) {
    assertRefused(await served.answer(params), code, reason);
  }
});
