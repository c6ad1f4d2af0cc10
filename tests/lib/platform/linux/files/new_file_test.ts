import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  createEmpty,
  NewFile,
  siblingOf,
} from "../../../../../lib/platform/linux/files/new_file.ts";
import { isInside } from "../../../../../lib/policy/paths.ts";
import { namesIn, rpcErrorOf, TempDirectory } from "../../../_helpers.ts";
import { Attacker } from "./_attacker.ts";
import { until, within } from "../../../../_waiting.ts";
import { testScript } from "../../../../_deno.ts";

const PLAIN = { mode: 0o644, createDirectories: false };
const WITH_DIRECTORIES = { mode: 0o644, createDirectories: true };

/** Replaces a file as a request does, but for the proof that it is written where it should be. */
async function replace(
  path: string,
  root: string,
  content: string,
  options = PLAIN,
): Promise<void> {
  await using file = await NewFile.beside({ path, root }, options);
  await Deno.writeTextFile(file.temporary.path, content, { create: false });
  await file.commit(path);
}

async function modeOf(path: string): Promise<number> {
  return ((await Deno.stat(path)).mode ?? 0) & 0o7777;
}

Deno.test("a new file takes the place of the old one only when it is complete", async () => {
  await using directory = await TempDirectory.make();
  const path = await directory.file("file", "old");
  const before = await Deno.stat(path);
  {
    await using file = await NewFile.beside({ path, root: directory.path }, PLAIN);
    await Deno.writeTextFile(file.temporary.path, "new content");
    assertEquals(await Deno.readTextFile(path), "old");
    assertEquals((await namesIn(directory.path)).length, 2);
    await file.commit(path);
  }
  const after = await Deno.stat(path);
  assertEquals(await Deno.readTextFile(path), "new content");
  assert(after.ino !== before.ino, "it is another file");
  assertEquals(await namesIn(directory.path), ["file"]);
});

Deno.test("a new file that is given up leaves the old one and nothing else", async () => {
  await using directory = await TempDirectory.make();
  const path = await directory.file("file", "old");
  const before = await Deno.stat(path);
  {
    await using file = await NewFile.beside({ path, root: directory.path }, PLAIN);
    await Deno.writeTextFile(file.temporary.path, "half of it");
  }
  assertEquals((await Deno.stat(path)).ino, before.ino);
  assertEquals(await Deno.readTextFile(path), "old");
  assertEquals(await namesIn(directory.path), ["file"]);
});

Deno.test("a new file of an agent that dies is removed", async () => {
  await using directory = await TempDirectory.make();
  const path = await directory.file("file", "old");
  const flags = ["--allow-all"];
  const agent = testScript("lib/platform/linux/files/_hold_new_file.ts", {
    flags,
    args: [path, directory.path],
  })
    .spawn();
  const reader = agent.stdout.getReader();
  const { value } = await reader.read();
  const temporary = new TextDecoder().decode(value).trim();
  assertStringIncludes(temporary, directory.path);
  assertEquals((await namesIn(directory.path)).length, 2);
  agent.kill("SIGKILL");
  await Promise.all([reader.cancel(), agent.stderr.cancel(), agent.status]);
  await until(async () => (await namesIn(directory.path)).length === 1, "removal");
  assertEquals(await Deno.readTextFile(path), "old");
});

for (
  const mode of [
    0o644,
    0o600,
    0o640,
    0o664,
    0o666,
    0o755,
    0o700,
    0o777,
    0o711,
    0o400,
    0o444,
    0o500,
    0o000,
  ]
) {
  const shown = mode.toString(8).padStart(4, "0");
  Deno.test(`a new file has the permissions ${shown} exactly, and at no time more`, async () => {
    await using directory = await TempDirectory.make();
    const path = directory.at("file");
    const options = { mode, createDirectories: false };
    {
      await using file = await NewFile.beside({ path, root: directory.path }, options);
      const early = await modeOf(file.temporary.path);
      assertEquals(early & ~(mode | 0o200) & ~0o600, 0, `${early.toString(8)} while it is written`);
      await Deno.writeTextFile(file.temporary.path, "x");
      await file.commit(path);
    }
    assertEquals(await modeOf(path), mode);

    const empty = { path: directory.at("empty"), root: directory.path };
    await createEmpty(empty, options);
    assertEquals([await modeOf(empty.path), (await Deno.stat(empty.path)).size], [mode, 0]);
  });
}

for (
  const name of [
    "with space",
    " leading",
    "trailing ",
    "-n",
    "--",
    "$HOME",
    "$(touch oops)",
    "`touch oops`",
    "'single'",
    '"double"',
    "back\\slash",
    "new\nline",
    "ends with newline\n",
    "semi;colon",
    "star*",
    "ü😀",
    "...",
    "#",
    "~",
    "x".repeat(255),
  ]
) {
  Deno.test(`files and directories may be named ${JSON.stringify(name).slice(0, 30)}`, async () => {
    await using directory = await TempDirectory.make();
    const path = directory.at(`${name}/${name}/${name}`);
    await replace(path, directory.path, "content", WITH_DIRECTORIES);
    assertEquals(await Deno.readTextFile(path), "content");
    assertEquals(await namesIn(directory.path), [name]);
    assertEquals(await namesIn(directory.at(`${name}/${name}`)), [name]);
  });
}

Deno.test("missing directories are made on demand, with 0755, the allowed one too", async () => {
  await using directory = await TempDirectory.make();
  const root = directory.at("allowed");
  const path = `${root}/a/b/file`;
  await replace(path, root, "content", { mode: 0o600, createDirectories: true });
  assertEquals(await Deno.readTextFile(path), "content");
  for (const made of [root, `${root}/a`, `${root}/a/b`]) assertEquals(await modeOf(made), 0o755);
  assertEquals(await modeOf(path), 0o600);
});

Deno.test("directories that exist are left as they are", async () => {
  await using directory = await TempDirectory.make();
  const existing = await directory.directory("a");
  await Deno.chmod(existing, 0o700);
  await replace(directory.at("a/b/file"), directory.path, "x", WITH_DIRECTORIES);
  assertEquals(await modeOf(existing), 0o700);
});

Deno.test("a missing directory is -32002 that says how it is made, and nothing is made", async () => {
  await using directory = await TempDirectory.make();
  const root = directory.at("allowed");
  for (const path of [`${root}/file`, `${root}/a/file`]) {
    for (
      const make of [
        (target: { path: string; root: string }) => createEmpty(target, PLAIN),
        (target: { path: string; root: string }) => NewFile.beside(target, PLAIN),
      ]
    ) {
      const error = await rpcErrorOf(() => make({ path, root }));
      assertEquals([error.code, error.data.path], [-32002, path]);
      assertStringIncludes(error.data.reason, "create_dirs");
    }
  }
  assertEquals(await namesIn(directory.path), []);
});

Deno.test("what is above an allowed path is never made", async () => {
  await using directory = await TempDirectory.make();
  const root = directory.at("missing/allowed");
  const target = { path: `${root}/file`, root };
  assertEquals((await rpcErrorOf(() => NewFile.beside(target, WITH_DIRECTORIES))).code, -32002);
  assertEquals((await rpcErrorOf(() => createEmpty(target, WITH_DIRECTORIES))).code, -32002);
  assertEquals(await namesIn(directory.path), []);
});

Deno.test("an allowed path that is a file is replaced by way of its sibling", async () => {
  await using directory = await TempDirectory.make();
  const root = await directory.file("file", "old");
  assertEquals(siblingOf(root), `${root}.kvmmanager-new`);
  // What an agent that lost its power left behind.
  await Deno.writeTextFile(siblingOf(root), "left over");
  {
    await using file = await NewFile.beside({ path: root, root }, PLAIN);
    assertEquals(file.temporary, { path: siblingOf(root), root: siblingOf(root) });
    assertEquals(await Deno.readTextFile(siblingOf(root)), "");
    await Deno.writeTextFile(file.temporary.path, "new");
    await file.commit(root);
  }
  assertEquals(await Deno.readTextFile(root), "new");
  assertEquals(await namesIn(directory.path), ["file"]);
});

Deno.test("a left-over that is a link is replaced, not followed", async () => {
  await using directory = await TempDirectory.make();
  const root = await directory.file("file", "old");
  const outside = await directory.file("outside", "outside");
  await Deno.symlink(outside, siblingOf(root));
  await replace(root, root, "new");
  assertEquals(await Deno.readTextFile(root), "new");
  assertEquals(await Deno.readTextFile(outside), "outside");
});

Deno.test("the whole file system may be allowed", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("a/file");
  await replace(path, "/", "content", WITH_DIRECTORIES);
  assertEquals(await Deno.readTextFile(path), "content");
});

Deno.test("the new content is written inside what is allowed", async () => {
  await using directory = await TempDirectory.make();
  const root = await directory.directory("allowed/sub");
  await using file = await NewFile.beside({ path: `${root}/file`, root }, PLAIN);
  assert(isInside(file.temporary.path, file.temporary.root));
  assertEquals(file.temporary.root, root);
});

/** An allowed directory `in` with links in it, and one that is not allowed, `out`. */
async function withLinks(): Promise<TempDirectory> {
  const directory = await TempDirectory.make();
  await directory.directory("in/sub");
  await directory.directory("out");
  await directory.file("out/file", "outside");
  await Deno.symlink(directory.at("out"), directory.at("in/link"));
  await Deno.symlink("sub", directory.at("in/link-inside"));
  await Deno.symlink(".", directory.at("in/link-here"));
  await Deno.symlink(directory.at("out/nothing"), directory.at("in/dangling"));
  await Deno.symlink(directory.at("in"), directory.at("link-root"));
  return directory;
}

for (
  const [what, path, root] of [
    ["to the outside", "in/link/file", "in"],
    ["to the outside, with more to be made", "in/link/a/b/file", "in"],
    ["to the inside", "in/link-inside/file", "in"],
    ["to its own directory", "in/link-here/file", "in"],
    ["that dangles", "in/dangling/file", "in"],
    ["as the allowed directory", "link-root/file", "link-root"],
    ["above the allowed directory", "link-root/sub/file", "link-root/sub"],
  ] as const
) {
  for (const options of [PLAIN, WITH_DIRECTORIES]) {
    const also = options.createDirectories ? ", directories made or not" : "";
    Deno.test(`a link ${what} in the way is -32001, and nothing is made${also}`, async () => {
      await using directory = await withLinks();
      const target = { path: directory.at(path), root: directory.at(root) };
      assertEquals((await rpcErrorOf(() => NewFile.beside(target, options))).code, -32001);
      assertEquals((await rpcErrorOf(() => createEmpty(target, options))).code, -32001);
      assertEquals(await namesIn(directory.at("out")), ["file"]);
      assertEquals(await namesIn(directory.at("in/sub")), []);
      assertEquals((await namesIn(directory.at("in"))).length, 5);
    });
  }
}

Deno.test("a link at the final name is replaced, not followed", async () => {
  await using directory = await withLinks();
  await Deno.symlink(directory.at("out/file"), directory.at("in/file"));
  await replace(directory.at("in/file"), directory.at("in"), "inside");
  await replace(directory.at("in/dangling"), directory.at("in"), "inside");
  await replace(directory.at("in/link"), directory.at("in"), "inside");
  for (const name of ["file", "dangling", "link"]) {
    assertEquals((await Deno.lstat(directory.at(`in/${name}`))).isFile, true, name);
  }
  assertEquals(await namesIn(directory.at("out")), ["file"]);
  assertEquals(await Deno.readTextFile(directory.at("out/file")), "outside");
});

Deno.test("a file as middle component is -32000", async () => {
  await using directory = await withLinks();
  const target = { path: directory.at("out/file/new"), root: directory.at("out") };
  for (const options of [PLAIN, WITH_DIRECTORIES]) {
    assertEquals((await rpcErrorOf(() => NewFile.beside(target, options))).code, -32000);
    assertEquals((await rpcErrorOf(() => createEmpty(target, options))).code, -32000);
  }
});

Deno.test("a directory at the final name is -32000, left alone, and nothing is left behind", async () => {
  await using directory = await TempDirectory.make();
  await directory.directory("sub/full");
  const path = directory.at("sub");
  {
    await using file = await NewFile.beside({ path, root: directory.path }, PLAIN);
    await Deno.writeTextFile(file.temporary.path, "content");
    assertEquals((await rpcErrorOf(() => file.commit(path))).code, -32000);
  }
  assertEquals(await namesIn(directory.path), ["sub"]);
  assertEquals(await namesIn(path), ["full"]);
});

Deno.test("a name that is too long is -32000", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("x".repeat(256));
  const target = { path, root: directory.path };
  const error = await rpcErrorOf(async () => {
    await using file = await NewFile.beside(target, PLAIN);
    await file.commit(path);
  });
  assertEquals(error.code, -32000);
  assertEquals((await rpcErrorOf(() => createEmpty(target, PLAIN))).code, -32000);
  assertEquals(await namesIn(directory.path), []);
});

Deno.test("createEmpty() leaves what exists as it is, links too", async () => {
  await using directory = await withLinks();
  const root = directory.at("in");
  const path = await directory.file("in/file", "content");
  await Deno.chmod(path, 0o600);
  await createEmpty({ path, root }, { mode: 0o777, createDirectories: false });
  assertEquals([await Deno.readTextFile(path), await modeOf(path)], ["content", 0o600]);
  for (const name of ["dangling", "link", "sub"]) {
    await createEmpty({ path: directory.at(`in/${name}`), root }, PLAIN);
  }
  assertEquals(await namesIn(directory.at("out")), ["file"]);
});

Deno.test("createEmpty() does not wait at a FIFO", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("fifo");
  await new Deno.Command("mkfifo", { args: [path] }).output();
  const made = createEmpty({ path, root: directory.path }, PLAIN);
  let hasWaited = true;
  // Twenty times what it takes to make a file.
  const others = (async () => {
    for (let i = 0; i < 20; i++) {
      await createEmpty({ path: directory.at(`${i}`), root: directory.path }, PLAIN);
    }
  })();
  try {
    await Promise.race([made.then(() => hasWaited = false), others]);
  } finally {
    // Whoever waits to write is let go by a reader.
    using _reader = await Deno.open(path, { read: true, write: true });
    await within(made, "the end of waiting");
    await others;
  }
  assertEquals(hasWaited, false);
  assertEquals((await Deno.lstat(path)).isFifo, true);
});

Deno.test("forty files may be made at once in the same new directory", async () => {
  await using directory = await TempDirectory.make();
  const root = directory.at("allowed");
  const names = Array.from({ length: 40 }, (_, i) => `${i}`).sort();
  await Promise.all(
    names.map((name) => replace(`${root}/sub/${name}`, root, name, WITH_DIRECTORIES)),
  );
  assertEquals(await namesIn(`${root}/sub`), names);
  for (const name of names) assertEquals(await Deno.readTextFile(`${root}/sub/${name}`), name);
});

Deno.test("a directory swapped for a link while files are made lets none be made outside", async () => {
  await using directory = await TempDirectory.make();
  const sub = await directory.directory("in/sub");
  await directory.directory("out");
  await Deno.symlink(directory.at("out"), directory.at("spare"));
  const root = directory.at("in");
  const outcomes = new Map<string, number>();
  const count = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  {
    await using _attacker = await Attacker.start("rename", sub, directory.at("spare"));
    const attempts = Array.from({ length: 600 }, (_, i) => async () => {
      const path = `${sub}/deep/${i % 7}`;
      try {
        if (i % 3 === 0) {
          await createEmpty({ path, root }, WITH_DIRECTORIES);
        } else {
          await using file = await NewFile.beside({ path, root }, WITH_DIRECTORIES);
          if (i % 3 === 1) await file.commit(path);
        }
        count("made");
      } catch (error) {
        count(error instanceof Error ? error.constructor.name : "?");
      }
    });
    for (let at = 0; at < attempts.length; at += 4) {
      await Promise.all(attempts.slice(at, at + 4).map((attempt) => attempt()));
    }
  }
  assertEquals(await namesIn(directory.at("out")), []);
  assertEquals([...outcomes.keys()].sort(), ["RpcError", "made"]);
  // Wherever the directory is by now, there is nothing in it but the files themselves.
  for (const place of [sub, `${sub}.swap`, directory.at("spare")]) {
    const made = `${place}/deep`;
    if (!(await Deno.lstat(made).then(() => true, () => false))) continue;
    const names = await namesIn(made);
    assertEquals(names.filter((name) => !/^[0-6]$/.test(name)), []);
  }
});
