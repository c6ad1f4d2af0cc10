import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { FileShells } from "../../../../../lib/platform/linux/files/file_shells.ts";
import { MAX_UPLOADS } from "../../../../../lib/platform/uploads.ts";
import { LinuxFiles } from "../../../../../lib/platform/linux/files/mod.ts";
import { siblingOf } from "../../../../../lib/platform/linux/files/new_file_place.ts";
import { routeTo } from "../../../../../lib/platform/linux/files/walk.ts";
import { testScript } from "../../../../_deno.ts";
import { isAlive } from "../../../../_processes.ts";
import { tool } from "../../../../_tool.ts";
import { until } from "../../../../_waiting.ts";
import { namesIn, NEVER, rpcErrorOf, TempDirectory } from "../../../_helpers.ts";
import { Attacker } from "./_attacker.ts";

const PLAIN = { createDirectories: false };
const WITH_DIRECTORIES = { createDirectories: true };

interface Options {
  readonly mode?: number;
  readonly createDirectories: boolean;
}

const encoder = new TextEncoder();

const replace = (
  files: LinuxFiles,
  path: string,
  root: string,
  content: string,
  options: Options = PLAIN,
) => files.replace({ path, root }, encoder.encode(content), { ...options, signal: NEVER });

/** Makes an empty file as a first piece does. */
async function create(
  files: LinuxFiles,
  path: string,
  root: string,
  options: Options = PLAIN,
): Promise<void> {
  const file = await files.open({ path, root }, {
    access: "write",
    create: options,
    signal: NEVER,
  });
  file[Symbol.dispose]();
}

async function modeOf(path: string): Promise<number> {
  return ((await Deno.stat(path)).mode ?? 0) & 0o7777;
}

Deno.test("replacing a file gives its name to another one, with the same permissions", async () => {
  await using directory = await TempDirectory.make();
  await using files = new LinuxFiles();
  const path = await directory.file("file", "old");
  await Deno.chmod(path, 0o640);
  const before = await Deno.stat(path);
  await replace(files, path, directory.path, "new content");
  assertEquals(await Deno.readTextFile(path), "new content");
  assert((await Deno.stat(path)).ino !== before.ino, "it is another file");
  assertEquals(await modeOf(path), 0o640);
  assertEquals(await namesIn(directory.path), ["file"]);
});

/** A process that holds an unfinished file in a directory: its shell, and the file's name. */
async function holdUnfinished(directory: string) {
  const args = [directory, directory];
  const agent = testScript("lib/platform/linux/files/_hold_new_file.ts", { args }).spawn();
  const reader = agent.stdout.getReader();
  const { value } = await reader.read();
  const [word, shell, name = ""] = new TextDecoder().decode(value).trim().split(" ");
  assertEquals(word, "ready");
  return {
    shell: Number(shell),
    name,
    kill: async () => {
      agent.kill("SIGKILL");
      await Promise.all([reader.cancel(), agent.stderr.cancel(), agent.status]);
    },
  };
}

Deno.test("the unfinished file of an agent that dies is removed", async () => {
  await using directory = await TempDirectory.make();
  await directory.file("file", "old");
  const held = await holdUnfinished(directory.path);
  assertEquals(await namesIn(directory.path), [held.name, "file"]);
  assertEquals(await modeOf(directory.at(held.name)), 0o700);
  await held.kill();
  await until(async () => (await namesIn(directory.path)).length === 1, "removal");
  assertEquals(await Deno.readTextFile(directory.at("file")), "old");
});

Deno.test("what an agent and its shell left when both were killed goes with the next write", async () => {
  await using directory = await TempDirectory.make();
  const held = await holdUnfinished(directory.path);
  Deno.kill(held.shell, "SIGKILL");
  await held.kill();
  await until(async () => !(await isAlive(held.shell)), "the end of the shell");
  assertEquals(await namesIn(directory.path), [held.name]);
  // Not ours: somebody else's link, and directories that others can enter or that are not empty.
  await Deno.symlink("/etc", directory.at(".kvmmanager-999999999-link"));
  await Deno.mkdir(directory.at(".kvmmanager-999999999-open"), { mode: 0o755 });
  await directory.directory(".kvmmanager-999999999-full/more");
  await Deno.chmod(directory.at(".kvmmanager-999999999-full"), 0o700);
  await using files = new LinuxFiles();
  await replace(files, directory.at("file"), directory.path, "new");
  assertEquals(await namesIn(directory.path), [
    ".kvmmanager-999999999-full",
    ".kvmmanager-999999999-link",
    ".kvmmanager-999999999-open",
    "file",
  ]);
  assertEquals(await namesIn(directory.at(".kvmmanager-999999999-full")), ["more"]);
});

Deno.test("what a live shell is working on is not swept", async () => {
  await using directory = await TempDirectory.make();
  const held = await holdUnfinished(directory.path);
  try {
    await using files = new LinuxFiles();
    await replace(files, directory.at("other"), directory.path, "new");
    assertEquals(await namesIn(directory.path), [held.name, "other"]);
  } finally {
    await held.kill();
  }
  await until(async () => (await namesIn(directory.path)).length === 1, "removal");
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
  Deno.test(`a new file gets exactly the permissions ${shown}`, async () => {
    await using directory = await TempDirectory.make();
    await using files = new LinuxFiles();
    // Once where only the owner writes, once where others do.
    for (const place of [await directory.directory("own"), await directory.directory("shared")]) {
      if (place.endsWith("shared")) await Deno.chmod(place, 0o777);
      const options = { mode, createDirectories: false };
      const path = `${place}/file`;
      await replace(files, path, directory.path, "x", options);
      assertEquals([await modeOf(path), await Deno.readTextFile(path)], [mode, "x"]);
      const empty = `${place}/empty`;
      await create(files, empty, directory.path, options);
      assertEquals([await modeOf(empty), (await Deno.stat(empty)).size], [mode, 0]);
      assertEquals(await namesIn(place), ["empty", "file"]);
    }
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
    await using files = new LinuxFiles();
    const path = directory.at(`${name}/${name}/${name}`);
    await replace(files, path, directory.path, "content", WITH_DIRECTORIES);
    assertEquals(await Deno.readTextFile(path), "content");
    assertEquals(await namesIn(directory.path), [name]);
    assertEquals(await namesIn(directory.at(`${name}/${name}`)), [name]);
  });
}

Deno.test("create_dirs creates missing directories with 0755, the allowed one too", async () => {
  await using directory = await TempDirectory.make();
  await using files = new LinuxFiles();
  const root = directory.at("allowed");
  const path = `${root}/a/b/file`;
  await replace(files, path, root, "content", { mode: 0o600, createDirectories: true });
  assertEquals(await Deno.readTextFile(path), "content");
  for (const made of [root, `${root}/a`, `${root}/a/b`]) assertEquals(await modeOf(made), 0o755);
  assertEquals(await modeOf(path), 0o600);
});

Deno.test("existing directories keep their permissions", async () => {
  await using directory = await TempDirectory.make();
  await using files = new LinuxFiles();
  const existing = await directory.directory("a");
  await Deno.chmod(existing, 0o700);
  await replace(files, directory.at("a/b/file"), directory.path, "x", WITH_DIRECTORIES);
  assertEquals(await modeOf(existing), 0o700);
});

const WAYS = [["replacing", replace], ["creating", create]] as const;
const make =
  (way: typeof replace | typeof create, files: LinuxFiles, path: string, root: string) =>
  async (options: Options) =>
    way === replace
      ? await replace(files, path, root, "content", options)
      : await create(files, path, root, options);

for (const [what, way] of WAYS) {
  Deno.test(`${what} a file in a missing directory is -32002, says how to create it, and creates nothing`, async () => {
    await using directory = await TempDirectory.make();
    await using files = new LinuxFiles();
    const root = directory.at("allowed");
    for (const path of [`${root}/file`, `${root}/a/file`]) {
      const error = await rpcErrorOf(() => make(way, files, path, root)(PLAIN));
      assertEquals([error.code, error.data.path], [-32002, path]);
      assertStringIncludes(error.data.reason, "create_dirs");
    }
    assertEquals(await namesIn(directory.path), []);
  });

  Deno.test(`${what} a file never creates what is above an allowed path`, async () => {
    await using directory = await TempDirectory.make();
    await using files = new LinuxFiles();
    const root = directory.at("missing/allowed");
    const error = await rpcErrorOf(() => make(way, files, `${root}/file`, root)(WITH_DIRECTORIES));
    assertEquals(error.code, -32002);
    assertEquals(await namesIn(directory.path), []);
  });
}

Deno.test("an allowed path that is a file is replaced, whatever was left beside it", async () => {
  await using directory = await TempDirectory.make();
  await using files = new LinuxFiles();
  const root = await directory.file("file", "old");
  const sibling = siblingOf(root);
  assertEquals(sibling, `${root}.kvmmanager-new`);
  const outside = await directory.file("outside", "outside");
  const leftovers = [
    async () => {},
    () => Deno.writeTextFile(sibling, "left over by an older version"),
    () => Deno.symlink(outside, sibling),
    () => Deno.mkdir(sibling, { mode: 0o700 }),
    async () => {
      await Deno.mkdir(sibling, { mode: 0o700 });
      await Deno.writeTextFile(`${sibling}/new`, "half of it");
    },
  ];
  for (const [index, leave] of leftovers.entries()) {
    await leave();
    await replace(files, root, root, `new ${index}`);
    assertEquals(await Deno.readTextFile(root), `new ${index}`);
    assertEquals(await namesIn(directory.path), ["file", "outside"]);
  }
  assertEquals(await Deno.readTextFile(outside), "outside");
});

Deno.test("a directory beside an allowed file that the agent did not make is refused", async () => {
  await using directory = await TempDirectory.make();
  await using files = new LinuxFiles();
  const root = await directory.file("file", "old");
  const sibling = siblingOf(root);
  for (
    const prepare of [
      () => Deno.mkdir(sibling, { mode: 0o755 }),
      () => Deno.chmod(sibling, 0o700).then(() => Deno.writeTextFile(`${sibling}/theirs`, "")),
    ]
  ) {
    await prepare();
    const error = await rpcErrorOf(() => replace(files, root, root, "new"));
    assertEquals(error.code, -32000);
    assertStringIncludes(error.data.reason, `${sibling} exists and was not created`);
    assertEquals(await Deno.readTextFile(root), "old");
  }
  assertEquals(await namesIn(sibling), ["theirs"]);
});

Deno.test({
  name: "a directory beside an allowed file that belongs to another user is refused",
  // Only root can give a directory away.
  ignore: Deno.uid() !== 0,
  fn: async () => {
    await using directory = await TempDirectory.make();
    await using files = new LinuxFiles();
    const root = await directory.file("file", "old");
    await Deno.mkdir(siblingOf(root), { mode: 0o700 });
    await Deno.chown(siblingOf(root), 12_345, 12_345);
    const error = await rpcErrorOf(() => replace(files, root, root, "new"));
    assertEquals(error.code, -32000);
    assertStringIncludes(error.data.reason, "was not created by the agent");
    assertEquals(await Deno.readTextFile(root), "old");
  },
});

Deno.test("writes to the same allowed file take turns", async () => {
  await using directory = await TempDirectory.make();
  await using files = new LinuxFiles();
  const root = await directory.file("file", "old");
  const contents = Array.from({ length: 10 }, (_, index) => `${index}`.repeat(1000));
  await Promise.all(contents.map((content) => replace(files, root, root, content)));
  assert(contents.includes(await Deno.readTextFile(root)));
  assertEquals(await namesIn(directory.path), ["file"]);
});

Deno.test("the whole file system may be allowed", async () => {
  await using directory = await TempDirectory.make();
  await using files = new LinuxFiles();
  const path = directory.at("a/file");
  await replace(files, path, "/", "content", WITH_DIRECTORIES);
  assertEquals(await Deno.readTextFile(path), "content");
});

/** An allowed directory `in` with links in it, and `out`, which is not allowed. */
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
    ["to the outside, with more to be created", "in/link/a/b/file", "in"],
    ["to the inside", "in/link-inside/file", "in"],
    ["to its own directory", "in/link-here/file", "in"],
    ["that dangles", "in/dangling/file", "in"],
    ["as the allowed directory", "link-root/file", "link-root"],
    ["above the allowed directory", "link-root/sub/file", "link-root/sub"],
    ["at the final name", "in/dangling", "in"],
  ] as const
) {
  Deno.test(`a link ${what} is -32001, and nothing is created`, async () => {
    await using directory = await withLinks();
    await using files = new LinuxFiles();
    for (const [, way] of WAYS) {
      for (const options of [PLAIN, WITH_DIRECTORIES]) {
        const made = make(way, files, directory.at(path), directory.at(root));
        assertEquals((await rpcErrorOf(() => made(options))).code, -32001);
      }
    }
    assertEquals(await namesIn(directory.at("out")), ["file"]);
    assertEquals(await namesIn(directory.at("in/sub")), []);
    assertEquals((await namesIn(directory.at("in"))).length, 5);
  });
}

Deno.test("a directory at the final name is -32000 and left alone", async () => {
  await using directory = await TempDirectory.make();
  await using files = new LinuxFiles();
  await directory.directory("sub/full");
  const error = await rpcErrorOf(() => replace(files, directory.at("sub"), directory.path, "x"));
  assertEquals(error.code, -32000);
  assertEquals(await namesIn(directory.path), ["sub"]);
  assertEquals(await namesIn(directory.at("sub")), ["full"]);
});

Deno.test("a name that is too long is refused, and nothing is left behind", async () => {
  await using directory = await TempDirectory.make();
  await using files = new LinuxFiles();
  await assertRejects(() => replace(files, directory.at("x".repeat(256)), directory.path, ""));
  assertEquals(await namesIn(directory.path), []);
});

Deno.test("creating a file leaves one that exists as it is", async () => {
  await using directory = await TempDirectory.make();
  await using files = new LinuxFiles();
  const path = await directory.file("file", "content");
  await Deno.chmod(path, 0o600);
  await create(files, path, directory.path, { mode: 0o777, createDirectories: false });
  assertEquals([await Deno.readTextFile(path), await modeOf(path)], ["content", 0o600]);
});

/** Page faults of the children that a process has waited for: 0 if it has had none (proc(5)). */
async function faultsOfChildren(pid: number): Promise<string | undefined> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[8];
}

Deno.test("an empty file in a directory that only the agent writes needs no process but the shell", async () => {
  await using directory = await TempDirectory.make();
  await using shells = new FileShells(false);
  await shells.use(NEVER, async (shell) => {
    const route = routeTo(directory.path, directory.path);
    const create = (isPrivate: string, final: string) =>
      shell.ask("create", route, ["177", "", "0", isPrivate, "1", "x", final], NEVER);
    assertEquals((await create("0", "file")).word, "0");
    assertEquals(await faultsOfChildren(shell.pid), "0");
    assertEquals((await create("1", "other")).word, "0");
    assert(await faultsOfChildren(shell.pid) !== "0", "mkdir and ln are processes");
  });
  assertEquals(await namesIn(directory.path), ["file", "other"]);
  for (const name of ["file", "other"]) assertEquals(await modeOf(directory.at(name)), 0o600);
});

Deno.test("forty files can be made at once in the same new directory", async () => {
  await using directory = await TempDirectory.make();
  await using files = new LinuxFiles();
  const root = directory.at("allowed");
  const names = Array.from({ length: 40 }, (_, i) => `${i}`).sort();
  await Promise.all(
    names.map((name) => replace(files, `${root}/sub/${name}`, root, name, WITH_DIRECTORIES)),
  );
  assertEquals(await namesIn(`${root}/sub`), names);
  for (const name of names) assertEquals(await Deno.readTextFile(`${root}/sub/${name}`), name);
});

Deno.test("no argument of a process shows the name of a file that is not there yet", async () => {
  await using directory = await TempDirectory.make();
  await using shells = new FileShells(false);
  await shells.use(NEVER, async (shell) => {
    const name = `.kvmmanager-${shell.pid}-unguessable`;
    const values = ["77", "", "0", "1", "0", name, "file", ""];
    const route = routeTo(directory.path, directory.path);
    assertEquals((await shell.ask("replace", route, values, NEVER)).word, "ready");
    const shown = await Deno.readTextFile(`/proc/${shell.pid}/cmdline`);
    assertEquals(shown.includes("unguessable"), false);
    assertEquals(await namesIn(directory.at(name)), ["new"]);
    await shell.send([encoder.encode("give up\n")], NEVER);
  });
  assertEquals(await namesIn(directory.path), []);
});

Deno.test("a name that is taken, by a FIFO or a link, is refused and not opened", async () => {
  await using directory = await TempDirectory.make();
  const outside = await directory.file("outside", "outside");
  const root = await directory.directory("in");
  await tool("mkfifo", `${root}/fifo`);
  await Deno.symlink(outside, `${root}/link`);
  await Deno.symlink(directory.at("nothing"), `${root}/dangling`);
  await using shells = new FileShells(false);
  for (const operation of ["replace", "create"]) {
    for (const name of ["fifo", "link", "dangling"]) {
      for (const isPrivate of ["0", "1"]) {
        const values = ["77", "777", "0", isPrivate, "0", name, "file", ""];
        const { word } = await shells.use(
          NEVER,
          (shell) =>
            shell.ask(
              operation,
              routeTo(root, root),
              operation === "create" ? [...values.slice(0, -2), name] : values,
              NEVER,
            ),
        );
        // A FIFO in a directory of the agent's own is met only by guessing the name.
        const isNamed = operation === "create" && isPrivate === "0";
        assertEquals(word, isNamed ? "75" : "73", `${operation} ${name} ${isPrivate}`);
      }
    }
  }
  assertEquals(await namesIn(directory.path), ["in", "outside"]);
  assertEquals(await namesIn(root), ["dangling", "fifo", "link"]);
  assertEquals([await Deno.readTextFile(outside), await modeOf(outside) & 0o111], ["outside", 0]);
});

Deno.test("a shell that hangs is killed with all it started when the signal is aborted", async () => {
  await using directory = await TempDirectory.make();
  const fifo = directory.at("fifo");
  await tool("mkfifo", fifo);
  await using shells = new FileShells(false);
  const controller = new AbortController();
  const reason = new Error("enough");
  let pid = 0;
  const asked = shells.use(controller.signal, async (shell) => {
    pid = shell.pid;
    const values = ["77", "", "0", "1", "0", `.kvmmanager-${pid}-x`, "file", "100000"];
    const route = routeTo(directory.path, directory.path);
    assertEquals((await shell.ask("replace", route, values, controller.signal)).word, "ready");
    // dd(1) waits for content that does not come.
    const sent = shell.send([encoder.encode("part of it")], controller.signal);
    const children = `/proc/${pid}/task/${pid}/children`;
    await until(async () => (await Deno.readTextFile(children)).trim() !== "", "dd");
    Deno.kill(pid, "SIGSTOP");
    controller.abort(reason);
    await sent;
  });
  assertEquals(await assertRejects(() => asked), reason);
  await until(async () => !(await isAlive(pid)), "its end");
});

Deno.test("a directory holds a limited number of unfinished uploads", async () => {
  await using directory = await TempDirectory.make();
  await using files = new LinuxFiles();
  for (let index = 0; index < MAX_UPLOADS; index++) {
    await directory.file(`.${index}.kvmmanager-part`, "");
  }
  const another = directory.at(".another.kvmmanager-part");
  const error = await rpcErrorOf(() => create(files, another, directory.path));
  assertEquals(error.code, -32000);
  assertStringIncludes(error.data.reason, `${MAX_UPLOADS} unfinished uploads`);
  await create(files, directory.at(".0.kvmmanager-part"), directory.path);
  await create(files, directory.at("file"), directory.path);
  await Deno.remove(directory.at(".1.kvmmanager-part"));
  await create(files, another, directory.path);
});

Deno.test("a directory swapped for a link while files are made lets none be made outside", async () => {
  await using directory = await TempDirectory.make();
  const sub = await directory.directory("in/sub");
  await directory.directory("out");
  await Deno.symlink(directory.at("out"), directory.at("spare"));
  const root = directory.at("in");
  const outcomes = new Set<string>();
  {
    await using files = new LinuxFiles();
    await using _attacker = await Attacker.start("rename", sub, directory.at("spare"));
    const deadline = performance.now() + 8000;
    const attempt = async (index: number) => {
      const path = `${sub}/deep/${index % 7}`;
      try {
        await make(index % 3 === 0 ? create : replace, files, path, root)(WITH_DIRECTORIES);
        outcomes.add("made");
      } catch (error) {
        outcomes.add(error instanceof Error ? error.constructor.name : "?");
      }
    };
    for (let at = 0; performance.now() < deadline && (at < 200 || outcomes.size < 2); at += 4) {
      await Promise.all([0, 1, 2, 3].map((index) => attempt(at + index)));
    }
  }
  assertEquals(await namesIn(directory.at("out")), []);
  assertEquals([...outcomes].filter((one) => !["made", "RpcError", "NotFound"].includes(one)), []);
  // Wherever the directory is by now, it holds nothing but the files themselves.
  for (const place of [sub, `${sub}.swap`, directory.at("spare")]) {
    const made = `${place}/deep`;
    if (!(await Deno.lstat(made).then(() => true, () => false))) continue;
    assertEquals((await namesIn(made)).filter((name) => !/^[0-6]$/.test(name)), []);
  }
});
