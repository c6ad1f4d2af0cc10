import { assert, assertEquals } from "@std/assert";
import { RpcError } from "../../../../../lib/base/errors.ts";
import { LinuxFiles } from "../../../../../lib/platform/linux/files/mod.ts";
import { tool } from "../../../../_tool.ts";
import { namesIn, NEVER, rpcErrorOf, TempDirectory } from "../../../_helpers.ts";
import { Attacker } from "./_attacker.ts";

/** The operations on paths in one allowed directory. */
class Subject implements AsyncDisposable {
  readonly files = new LinuxFiles();

  constructor(readonly directory: TempDirectory, readonly root: string) {}

  static async make(): Promise<Subject> {
    const directory = await TempDirectory.make();
    await directory.directory("in");
    return new Subject(directory, directory.at("in"));
  }

  at(name: string): string {
    return `${this.root}/${name}`;
  }

  #allowed(name: string) {
    return { path: this.at(name), root: this.root };
  }

  remove(name: string) {
    return this.files.remove(this.#allowed(name), NEVER);
  }

  rename(from: string, to: string, replace = false) {
    const options = { to: this.#allowed(to), replace, signal: NEVER };
    return this.files.rename(this.#allowed(from), options);
  }

  create(name: string, mode?: number, createDirectories = false) {
    const options = { mode, createDirectories, signal: NEVER };
    return this.files.createDirectory(this.#allowed(name), options);
  }

  removeDirectory(name: string, maxEntries = 1) {
    return this.files.removeDirectory(this.#allowed(name), { maxEntries, signal: NEVER });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.files[Symbol.asyncDispose]();
    await this.directory[Symbol.asyncDispose]();
  }
}

const AWKWARD = ["-rf", "a b", "line\nbreak", "*", "$(touch x)", "tail ", "é€😀", "'\""];

Deno.test("a file is removed whatever its name, and so is a special file", async () => {
  await using subject = await Subject.make();
  for (const name of AWKWARD) {
    await Deno.writeTextFile(subject.at(name), "");
    await subject.remove(name);
  }
  await tool("mkfifo", subject.at("fifo"));
  await subject.remove("fifo");
  assertEquals(await namesIn(subject.root), []);
});

Deno.test("a link is removed itself, and its target stays", async () => {
  await using subject = await Subject.make();
  const target = await subject.directory.file("target", "kept");
  await Deno.symlink(target, subject.at("link"));
  await subject.remove("link");
  assertEquals(await namesIn(subject.root), []);
  assertEquals(await Deno.readTextFile(target), "kept");
});

Deno.test("removing refuses a directory, a missing file and a link on the way", async () => {
  await using subject = await Subject.make();
  await Deno.mkdir(subject.at("d"));
  await subject.directory.directory("outside");
  await subject.directory.file("outside/f", "kept");
  await Deno.symlink(subject.directory.at("outside"), subject.at("link"));
  const refusals = [];
  for (const name of ["d", "none", "none/f", "link/f"]) {
    refusals.push((await rpcErrorOf(() => subject.remove(name))).code);
  }
  assertEquals(refusals, [-32000, -32002, -32002, -32001]);
  assertEquals(await namesIn(subject.directory.at("outside")), ["f"]);
});

Deno.test("a file and a directory are renamed, within and between directories", async () => {
  await using subject = await Subject.make();
  await Deno.mkdir(subject.at("a/below"), { recursive: true });
  await Deno.mkdir(subject.at("b"));
  for (const name of AWKWARD) {
    await Deno.writeTextFile(subject.at(`a/${name}`), name);
    await subject.rename(`a/${name}`, `a/${name}2`);
    await subject.rename(`a/${name}2`, `b/${name}`);
    assertEquals(await Deno.readTextFile(subject.at(`b/${name}`)), name);
  }
  await subject.rename("a/below", "b/moved");
  assertEquals(await namesIn(subject.at("a")), []);
  assertEquals(await namesIn(subject.at("b")), ["moved", ...AWKWARD].sort());
});

Deno.test("a rename replaces only when told, and never a full directory", async () => {
  await using subject = await Subject.make();
  await Deno.writeTextFile(subject.at("new"), "new");
  await Deno.writeTextFile(subject.at("old"), "old");
  await Deno.mkdir(subject.at("full/below"), { recursive: true });
  await Deno.mkdir(subject.at("d"));
  const refused = await rpcErrorOf(() => subject.rename("new", "old"));
  assertEquals([refused.code, refused.data.reason], [
    -32000,
    `${subject.at("old")} exists already`,
  ]);
  assertEquals(await Deno.readTextFile(subject.at("old")), "old");
  assertEquals((await rpcErrorOf(() => subject.rename("d", "full", true))).code, -32000);
  assertEquals((await rpcErrorOf(() => subject.rename("new", "full", true))).code, -32000);
  await subject.rename("new", "old", true);
  assertEquals(await Deno.readTextFile(subject.at("old")), "new");
});

Deno.test("two names of one file are not mistaken for a finished rename", async () => {
  await using subject = await Subject.make();
  await Deno.writeTextFile(subject.at("a"), "one");
  await Deno.link(subject.at("a"), subject.at("b"));
  assertEquals((await rpcErrorOf(() => subject.rename("a", "b"))).code, -32000);
  assertEquals(await namesIn(subject.root), ["a", "b"]);
});

Deno.test("a rename refuses links, special files, a directory into itself, and missing paths", async () => {
  await using subject = await Subject.make();
  await Deno.mkdir(subject.at("d"));
  await Deno.writeTextFile(subject.at("f"), "");
  await Deno.symlink("d", subject.at("link"));
  await tool("mkfifo", subject.at("fifo"));
  for (
    const [from, to, code] of [
      ["link", "x", -32001],
      ["f", "link", -32001],
      ["f", "link/x", -32001],
      ["fifo", "x", -32000],
      ["f", "fifo", -32000],
      ["d", "d/x", -32000],
      ["none", "x", -32002],
      ["f", "none/x", -32002],
    ] as const
  ) {
    const error = await rpcErrorOf(() => subject.rename(from, to, true));
    assertEquals([from, to, error.code], [from, to, code]);
    assert(!error.message.includes("/proc/"), error.message);
  }
  assertEquals(await namesIn(subject.root), ["d", "f", "fifo", "link"]);
});

Deno.test("a rename to another file system is refused, and nothing is copied", async () => {
  const other = await Deno.makeTempDir({ dir: "/dev/shm" });
  try {
    await using subject = await Subject.make();
    await Deno.writeTextFile(subject.at("f"), "here");
    await Deno.mkdir(subject.at("d"));
    for (const name of ["f", "d"]) {
      const error = await rpcErrorOf(() =>
        subject.files.rename({ path: subject.at(name), root: subject.root }, {
          to: { path: `${other}/${name}`, root: other },
          replace: true,
          signal: NEVER,
        })
      );
      assertEquals(error.code, -32000);
      assert(error.message.includes("another file system"), error.message);
    }
    assertEquals(await namesIn(subject.root), ["d", "f"]);
    assertEquals(await namesIn(other), []);
  } finally {
    await Deno.remove(other, { recursive: true });
  }
});

Deno.test("a directory is created with its mode, and an existing one is left alone", async () => {
  await using subject = await Subject.make();
  assertEquals(await subject.create("d", 0o750), true);
  assertEquals(((await Deno.stat(subject.at("d"))).mode ?? 0) & 0o777, 0o750);
  assertEquals(await subject.create("d", 0o700), false);
  assertEquals(((await Deno.stat(subject.at("d"))).mode ?? 0) & 0o777, 0o750);
  assertEquals((await rpcErrorOf(() => subject.create("x/y"))).code, -32002);
  assertEquals(await subject.create("x/y", 0o700, true), true);
  assertEquals(((await Deno.stat(subject.at("x"))).mode ?? 0) & 0o777, 0o755);
  await Deno.writeTextFile(subject.at("f"), "");
  assertEquals((await rpcErrorOf(() => subject.create("f"))).code, -32000);
  await Deno.symlink("d", subject.at("link"));
  for (const name of ["link", "link/z"]) {
    assertEquals((await rpcErrorOf(() => subject.create(name, 0o755, true))).code, -32001);
  }
});

Deno.test("only an empty directory is removed, unless told otherwise", async () => {
  await using subject = await Subject.make();
  await Deno.mkdir(subject.at("d/e/f"), { recursive: true });
  for (const name of AWKWARD) await Deno.writeTextFile(subject.at(`d/e/${name}`), "");
  const outside = await subject.directory.directory("outside");
  await subject.directory.file("outside/f", "kept");
  await Deno.symlink(outside, subject.at("d/link"));
  assertEquals((await rpcErrorOf(() => subject.removeDirectory("d"))).code, -32000);
  assertEquals(await subject.removeDirectory("d/e/f"), 1);
  assertEquals(await subject.removeDirectory("d", 100), AWKWARD.length + 3);
  assertEquals(await namesIn(subject.root), []);
  assertEquals(await namesIn(outside), ["f"]);
});

Deno.test("a directory with too many entries is refused before anything is removed", async () => {
  await using subject = await Subject.make();
  await Deno.mkdir(subject.at("d"));
  for (const name of ["a", "b", "c"]) await Deno.writeTextFile(subject.at(`d/${name}`), "");
  const { code, data } = await rpcErrorOf(() => subject.removeDirectory("d", 3));
  assertEquals([code, data.reason.includes("nothing was removed")], [-32000, true]);
  assertEquals(await namesIn(subject.at("d")), ["a", "b", "c"]);
  assertEquals(await subject.removeDirectory("d", 4), 4);
});

Deno.test("removing a directory refuses a link, a file and a missing one", async () => {
  await using subject = await Subject.make();
  await subject.directory.directory("outside");
  await Deno.symlink(subject.directory.at("outside"), subject.at("link"));
  await Deno.writeTextFile(subject.at("f"), "");
  const codes = [];
  for (const name of ["link", "f", "none"]) {
    codes.push((await rpcErrorOf(() => subject.removeDirectory(name, 100))).code);
  }
  assertEquals(codes, [-32001, -32000, -32002]);
});

Deno.test("while a directory changes places with a link, nothing outside changes", async () => {
  await using subject = await Subject.make();
  const outside = await subject.directory.directory("outside");
  for (const name of ["f", "g"]) await subject.directory.file(`outside/${name}`, "kept");
  await Deno.mkdir(`${outside}/e`);
  await Deno.mkdir(subject.at("d"));
  await Deno.symlink(outside, subject.at("spare"));
  const before = await tool("sh", "-c", `cd ${outside} && stat -c '%n %i %h %s' . * && cat f g`);
  {
    await using _attacker = await Attacker.start("rename", subject.at("d"), subject.at("spare"));
    const ignored = (error: unknown) => assert(error instanceof RpcError, String(error));
    for (let round = 0; round < 40; round += 1) {
      await Deno.writeTextFile(subject.at("own"), "own");
      await subject.remove("d/f").catch(ignored);
      await subject.rename("d/g", "stolen").catch(ignored);
      await subject.rename("own", "d/f", true).catch(ignored);
      await subject.create("d/new").catch(ignored);
      await subject.removeDirectory("d/e", 10).catch(ignored);
      await Deno.mkdir(subject.at("d/e")).catch(() => {});
    }
  }
  const after = await tool("sh", "-c", `cd ${outside} && stat -c '%n %i %h %s' . * && cat f g`);
  assertEquals(after, before);
});
