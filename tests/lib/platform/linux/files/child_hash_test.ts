import { assertEquals } from "@std/assert";
import { childHash } from "../../../../../lib/platform/linux/files/child_hash.ts";
import { FileShells } from "../../../../../lib/platform/linux/files/file_shells.ts";
import { FileSystemTypes } from "../../../../../lib/platform/linux/files/file_system_types.ts";
import { LinuxFiles } from "../../../../../lib/platform/linux/files/mod.ts";
import { tool } from "../../../../_tool.ts";
import { NEVER, TempDirectory } from "../../../_helpers.ts";

const bytes = crypto.getRandomValues(new Uint8Array(50_000));
const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();

/** Hashes `in/file` after somebody has changed something since it was verified. */
async function hash(
  directory: TempDirectory,
  change: () => Promise<unknown> = () => Promise.resolve(),
): Promise<string | undefined> {
  const root = directory.at("in");
  const path = `${root}/file`;
  const info = await Deno.stat(path);
  await change();
  await using shells = new FileShells(false);
  const tools = { shells, types: new FileSystemTypes(shells) };
  return await childHash(tools, { path, root }, info, { signal: NEVER });
}

async function prepared(): Promise<TempDirectory> {
  const directory = await TempDirectory.make();
  await directory.directory("in");
  await Deno.writeFile(directory.at("in/file"), bytes);
  return directory;
}

Deno.test("a child hashes the file that was verified", async () => {
  await using directory = await prepared();
  assertEquals(await hash(directory), digest);
});

for (
  const [what, change] of [
    ["another file", (path: string) => Deno.writeTextFile(path, "other")],
    ["a link to the file", (path: string) => Deno.symlink(`${path}.moved`, path)],
    ["a FIFO", (path: string) => tool("mkfifo", path)],
    ["nothing", () => Promise.resolve()],
  ] as const
) {
  Deno.test(`a child hashes nothing where the path now names ${what}`, async () => {
    await using directory = await prepared();
    const path = directory.at("in/file");
    const changed = async () => {
      await Deno.rename(path, `${path}.moved`);
      await change(path);
    };
    assertEquals(await hash(directory, changed), undefined);
  });
}

Deno.test("a child hashes nothing where others can put a FIFO in the file's place", async () => {
  await using directory = await prepared();
  await Deno.chmod(directory.at("in"), 0o777);
  assertEquals(await hash(directory), undefined);
});

Deno.test("a file of some size is hashed, whole and in parts, whoever can write its directory", async () => {
  await using directory = await prepared();
  const size = 300_000;
  const content = crypto.getRandomValues(new Uint8Array(50_000));
  const all = new Uint8Array(size).map((_, index) => content[index % content.byteLength] ?? 0);
  const path = directory.at("in/file");
  await Deno.writeFile(path, all);
  const sha256 = async (part: Uint8Array<ArrayBuffer>) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", part)).toHex();
  for (const mode of [0o755, 0o777]) {
    await Deno.chmod(directory.at("in"), mode);
    await using files = new LinuxFiles();
    const file = await files.open({ path, root: directory.path }, {
      access: "read",
      signal: NEVER,
    });
    using _file = file;
    for (
      const [offset, length] of [[0, size], [1, size - 1], [0, size - 1], [70_000, 10]] as const
    ) {
      const expected = await sha256(all.slice(offset, offset + length));
      assertEquals(await file.sha256(offset, length, NEVER), expected);
    }
    const piece = await file.readAt(1000, 10, NEVER);
    assertEquals(piece.bytes.slice(), all.slice(1000, 1010));
  }
});
