import { assertEquals } from "@std/assert";
import { BoundedOpens } from "../../../../../lib/platform/linux/files/bounded_opens.ts";
import { commitFile } from "../../../../../lib/platform/linux/files/commit_file.ts";
import type { FileShell } from "../../../../../lib/platform/linux/files/file_shell.ts";
import { FileShells } from "../../../../../lib/platform/linux/files/file_shells.ts";
import { namesIn, NEVER, rpcErrorOf, TempDirectory } from "../../../_helpers.ts";

/** Shells that let a test change something at the moment before one is used. */
class LateShells extends FileShells {
  constructor(readonly before: () => Promise<void>) {
    super(false);
  }

  override async use<T>(signal: AbortSignal, work: (shell: FileShell) => Promise<T>): Promise<T> {
    await this.before();
    return await super.use(signal, work);
  }
}

/** Commits `part` to `file` in an allowed directory `in`, after a last change by somebody. */
async function commit(directory: TempDirectory, before: () => Promise<void>): Promise<void> {
  const root = directory.at("in");
  const bytes = await Deno.readFile(`${root}/part`);
  await using shells = new LateShells(before);
  await commitFile(
    { shells, opens: new BoundedOpens(() => Promise.resolve()) },
    { path: `${root}/file`, root },
    {
      from: { path: `${root}/part`, root },
      sizeBytes: bytes.byteLength,
      sha256: new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex(),
      mode: 0o751,
      signal: NEVER,
    },
  );
}

async function prepared(): Promise<TempDirectory> {
  const directory = await TempDirectory.make();
  await directory.directory("in");
  await directory.file("in/part", "verified");
  await directory.file("in/file", "old");
  return directory;
}

Deno.test("a verified file replaces the old one and gets its mode", async () => {
  await using directory = await prepared();
  await commit(directory, () => Promise.resolve());
  assertEquals(await Deno.readTextFile(directory.at("in/file")), "verified");
  assertEquals(((await Deno.stat(directory.at("in/file"))).mode ?? 0) & 0o777, 0o751);
  assertEquals(await namesIn(directory.at("in")), ["file"]);
});

Deno.test("a file that was swapped after it was verified is not committed, and is put back", async () => {
  await using directory = await prepared();
  const error = await rpcErrorOf(() =>
    commit(directory, async () => {
      await directory.file("in/other", "swapped!");
      await Deno.rename(directory.at("in/other"), directory.at("in/part"));
    })
  );
  assertEquals(error.code, -32001);
  assertEquals(await Deno.readTextFile(directory.at("in/file")), "old");
  assertEquals(await Deno.readTextFile(directory.at("in/part")), "swapped!");
  assertEquals(await namesIn(directory.at("in")), ["file", "part"]);
});

Deno.test("a directory that became a link after the file was verified is refused", async () => {
  await using directory = await prepared();
  const error = await rpcErrorOf(() =>
    commit(directory, async () => {
      await Deno.rename(directory.at("in"), directory.at("moved"));
      await Deno.symlink("moved", directory.at("in"));
    })
  );
  assertEquals(error.code, -32001);
  assertEquals(await namesIn(directory.at("moved")), ["file", "part"]);
  assertEquals(await Deno.readTextFile(directory.at("moved/file")), "old");
});
