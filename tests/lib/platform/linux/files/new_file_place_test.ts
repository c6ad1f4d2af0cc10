import { assertEquals } from "@std/assert";
import { isUnswappable, placeFor } from "../../../../../lib/platform/linux/files/new_file_place.ts";
import { TempDirectory } from "../../../_helpers.ts";

/** An allowed directory `in` with directories below it, each with mode 0755. */
async function tree(): Promise<TempDirectory> {
  const directory = await TempDirectory.make();
  await directory.directory("in/sub/deep");
  for (const path of ["in", "in/sub", "in/sub/deep"]) await Deno.chmod(directory.at(path), 0o755);
  return directory;
}

const deviceOf = (path: string) => Deno.statSync(path).dev;

Deno.test("a directory is unswappable if only its owner can write it and all above it", async () => {
  await using directory = await tree();
  const root = directory.at("in");
  const device = deviceOf(root);
  for (const path of [root, `${root}/sub`, `${root}/sub/deep`]) {
    assertEquals(isUnswappable({ path, root }, device), true, path);
  }
  // The administrator vouches for the directories above the allowed entry.
  await Deno.chmod(directory.path, 0o777);
  assertEquals(isUnswappable({ path: root, root }, device), true);
});

Deno.test("a directory is unswappable below a sticky one, but not if it is sticky itself", async () => {
  await using directory = await tree();
  const root = directory.at("in");
  const device = deviceOf(root);
  for (const [sticky, expected] of [["", true], ["/sub", true], ["/sub/deep", false]] as const) {
    await Deno.chmod(`${root}${sticky}`, 0o1777);
    assertEquals(isUnswappable({ path: `${root}/sub/deep`, root }, device), expected, sticky);
    await Deno.chmod(`${root}${sticky}`, 0o755);
  }
});

for (const mode of [0o777, 0o775, 0o757, 0o720]) {
  Deno.test(`a directory is swappable if one on the way has mode ${mode.toString(8)}`, async () => {
    await using directory = await tree();
    const root = directory.at("in");
    for (const changed of [root, `${root}/sub`, `${root}/sub/deep`]) {
      await Deno.chmod(changed, mode);
      assertEquals(isUnswappable({ path: `${root}/sub/deep`, root }, deviceOf(root)), false);
      await Deno.chmod(changed, 0o755);
    }
  });
}

Deno.test("a directory is swappable if it is missing, a link, a file or on another file system", async () => {
  await using directory = await tree();
  const root = directory.at("in");
  const device = deviceOf(root);
  await Deno.symlink("sub", `${root}/link`);
  await directory.file("in/file", "");
  for (const name of ["link", "link/deep", "file", "missing"]) {
    assertEquals(isUnswappable({ path: `${root}/${name}`, root }, device), false, name);
  }
  assertEquals(isUnswappable({ path: root, root }, device + 1), false);
  assertEquals(isUnswappable({ path: directory.path, root }, device), false, "outside");
});

Deno.test({
  name: "a directory is swappable if one on the way belongs to another user",
  // Only root can give a directory away.
  ignore: Deno.uid() !== 0,
  fn: async () => {
    await using directory = await tree();
    const root = directory.at("in");
    await Deno.chown(`${root}/sub`, 12_345, 12_345);
    assertEquals(isUnswappable({ path: `${root}/sub/deep`, root }, deviceOf(root)), false);
  },
});

Deno.test("a new file is created in place if only the owner can write there, else in a private directory", async () => {
  await using directory = await tree();
  const root = directory.at("in");
  const place = () => placeFor({ path: `${root}/file`, root }, "name");
  assertEquals(place(), {
    private: "0",
    name: "name",
    temporary: { path: `${root}/name`, root },
  });
  for (const mode of [0o777, 0o775, 0o1777]) {
    await Deno.chmod(root, mode);
    assertEquals(place(), {
      private: "1",
      name: "name",
      temporary: { path: `${root}/name/new`, root },
    });
  }
});
