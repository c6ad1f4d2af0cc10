import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { distrust } from "../../../../../lib/platform/linux/privileged/trusted_file.ts";
import { TempDirectory } from "../../../_helpers.ts";

const isRoot = Deno.uid() === 0;
const NOBODY = 65534;

/** A file in a directory, both root's and writable by nobody else. */
async function trusted(directory: TempDirectory): Promise<string> {
  await Deno.chmod(await directory.directory("etc"), 0o755);
  const file = await directory.file("etc/config.json", "{}");
  await Deno.chmod(file, 0o644);
  return file;
}

Deno.test({
  name: "a file of root's is trusted, also below a sticky directory",
  ignore: !isRoot,
  fn: async () => {
    await using directory = await TempDirectory.make();
    assertEquals(await distrust(await trusted(directory)), undefined);
    await Deno.chmod(directory.path, 0o1777);
    assertEquals(await distrust(await trusted(directory)), undefined);
  },
});

for (
  const [what, change] of [
    ["a file of another user", (file: string) => Deno.chown(file, NOBODY, NOBODY)],
    ["a file that its group can write", (file: string) => Deno.chmod(file, 0o664)],
    ["a file that others can write", (file: string) => Deno.chmod(file, 0o646)],
    [
      "a file in a directory of another user",
      (file: string) => Deno.chown(file.replace(/\/[^/]*$/, ""), NOBODY, NOBODY),
    ],
    [
      "a file in a directory that others can write",
      (file: string) => Deno.chmod(file.replace(/\/[^/]*$/, ""), 0o757),
    ],
    ["a sticky file that others can write", (file: string) => Deno.chmod(file, 0o1646)],
    ["a symbolic link", async (file: string) => {
      await Deno.rename(file, `${file}.real`);
      await Deno.symlink(`${file}.real`, file);
    }],
  ] as const
) {
  Deno.test({
    name: `${what} is not trusted`,
    ignore: !isRoot,
    fn: async () => {
      await using directory = await TempDirectory.make();
      const file = await trusted(directory);
      await change(file);
      assertMatch(await distrust(file) ?? "", /^\//);
    },
  });
}

Deno.test("a file that does not exist is an error", async () => {
  await assertRejects(() => distrust("/nonexistent/x"), Deno.errors.NotFound);
});
