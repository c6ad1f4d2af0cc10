import { assert, assertEquals, assertRejects } from "@std/assert";
import { BoundedOpens } from "../../../../../lib/platform/linux/files/bounded_opens.ts";
import { ChildWrittenFile } from "../../../../../lib/platform/linux/files/child_written_file.ts";
import { FileShells } from "../../../../../lib/platform/linux/files/file_shells.ts";
import { FileSystemTypes } from "../../../../../lib/platform/linux/files/file_system_types.ts";
import { KeptFile } from "../../../../../lib/platform/linux/files/kept_file.ts";
import { LinuxFiles } from "../../../../../lib/platform/linux/files/mod.ts";
import { NewFiles } from "../../../../../lib/platform/linux/files/new_file.ts";
import { tool } from "../../../../_tool.ts";
import { namesIn, NEVER, TempDirectory } from "../../../_helpers.ts";

const TMPFS = "/dev/shm";
const hasTmpfs = (await tool("stat", "-f", "-c", "%t", TMPFS)) === "1021994";
const BYTES = crypto.getRandomValues(new Uint8Array(60_000));

/** Opens nothing: the agent cannot write content itself. */
class NoOpens extends BoundedOpens {
  override open(): Promise<Deno.FsFile> {
    return Promise.reject(new Error("the agent opened the file"));
  }
}

async function replace(directory: string, separate: boolean): Promise<void> {
  await using shells = new FileShells(separate);
  const types = new FileSystemTypes(shells);
  const opens = new NoOpens(() => Promise.resolve());
  const files = new NewFiles({ shells, opens, types, separate });
  const options = { createDirectories: false, signal: NEVER };
  await files.replace({ path: `${directory}/file`, root: directory }, BYTES, options);
}

Deno.test({
  name: "a child writes whole files to a tmpfs if commands are separate, else the agent does",
  ignore: !hasTmpfs,
  fn: async () => {
    const directory = await Deno.makeTempDir({ dir: TMPFS });
    try {
      await replace(directory, true);
      assertEquals(await Deno.readFile(`${directory}/file`), BYTES);
      await assertRejects(() => replace(directory, false), Error, "the agent opened");
      assertEquals(await namesIn(directory), ["file"]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  name: "a child writes pieces to a tmpfs if commands are separate, else the agent does",
  ignore: !hasTmpfs,
  fn: async () => {
    const directory = await Deno.makeTempDir({ dir: TMPFS });
    try {
      for (const [separate, kind] of [[true, ChildWrittenFile], [false, KeptFile]] as const) {
        await using files = new LinuxFiles(separate);
        const file = await files.open({ path: `${directory}/file`, root: directory }, {
          access: "write",
          create: { createDirectories: false },
          signal: NEVER,
        });
        using _file = file;
        assert(file instanceof kind, file.constructor.name);
        await file.writeAt(5, BYTES, NEVER);
        assertEquals((await Deno.readFile(`${directory}/file`)).subarray(5), BYTES);
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("the agent writes to a disk itself, also if commands are separate", async () => {
  await using directory = await TempDirectory.make();
  if ((await tool("stat", "-f", "-c", "%t", directory.path)) === "1021994") return;
  await assertRejects(() => replace(directory.path, true), Error, "the agent opened");
});
