import { assertEquals } from "@std/assert";
import { LinuxFiles } from "../../../../../lib/platform/linux/files/mod.ts";
import { findLogFiles } from "../../../../../lib/platform/linux/logs/find_log_files.ts";
import { NEVER, TempDirectory } from "../../../_helpers.ts";

Deno.test("findLogFiles lists *.log below the allowed paths, without links, to a bounded depth", async () => {
  await using directory = await TempDirectory.make();
  await using files = new LinuxFiles();
  await directory.directory("a/b/c");
  await directory.directory("a/c");
  for (const name of ["z.log", "a/x.log", "a/other", "a/b/y.log", "a/b/c/deep.log"]) {
    await directory.file(name, "12345");
  }
  await Deno.symlink("/etc/hostname", directory.at("link.log"));
  await Deno.symlink("/var/log", directory.at("a/c/link"));
  const roots = [directory.path, directory.at("a/other"), directory.at("missing")];
  const { files: found, isPartial } = await findLogFiles(files, {
    roots,
    limit: 10,
    signal: NEVER,
  });
  assertEquals(
    found.map(({ path }) => path),
    ["a/b/y.log", "a/x.log", "z.log"].map((name) => directory.at(name)),
  );
  assertEquals([found[0]?.sizeBytes, isPartial], [5, false]);
  const few = await findLogFiles(files, { roots, limit: 2, signal: NEVER });
  assertEquals([few.files.length, few.isPartial], [2, true]);
});

Deno.test("findLogFiles lists an allowed file itself, and everything below /var/log", async () => {
  await using directory = await TempDirectory.make();
  await using files = new LinuxFiles();
  await directory.file("one.log", "");
  const options = { limit: 1000, signal: NEVER };
  const one = await findLogFiles(files, { ...options, roots: [directory.at("one.log")] });
  assertEquals(one.files.map(({ path }) => path), [directory.at("one.log")]);
  const [narrow, wide] = await Promise.all(
    ["/var/log", "/"].map((root) => findLogFiles(files, { ...options, roots: [root] })),
  );
  assertEquals(wide?.files.map(({ path }) => path), narrow?.files.map(({ path }) => path));
});
