import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import {
  RESTING_DIRECTORY,
  statRegularFile,
} from "../../../../../lib/platform/linux/files/real_file.ts";
import { rpcErrorOf, TempDirectory } from "../../../_helpers.ts";
import { Attacker, type Swap } from "./_attacker.ts";
import { runTestScript } from "../../../../_deno.ts";

const SECRET = "SECRET";

const Report = z.strictObject({
  outcomes: z.array(z.string()),
  counts: z.record(z.string(), z.number()),
  cwd: z.string(),
});

interface Attempt {
  readonly path: string;
  readonly root: string;
  readonly access?: "read" | "write" | "stat";
}

interface OpenOptions {
  readonly times?: number;
  readonly timeoutMs?: number;
  /** What the process that opens them is granted. */
  readonly flags?: readonly string[];
}

/** Opens files in a process of its own; see `_open.ts`. */
async function open(
  files: readonly Attempt[],
  { times = 1, timeoutMs = 20_000, flags = ["--allow-all"] }: OpenOptions = {},
) {
  const task = {
    files: files.map(({ access = "read", ...file }) => ({ ...file, access })),
    times,
    timeoutMs,
  };
  const { code, stdout, stderr } = await runTestScript("lib/platform/linux/files/_open.ts", {
    flags,
    args: [JSON.stringify(task)],
  });
  assertEquals([code, stderr], [0, ""]);
  return z.parse(Report, JSON.parse(stdout));
}

/** An allowed directory with files, links and other things in it, and one that is not allowed. */
async function guest(): Promise<TempDirectory> {
  const directory = await TempDirectory.make();
  await directory.directory("in/sub/deep");
  await directory.directory("out");
  await directory.file("in/file", "inside");
  await directory.file("in/empty", "");
  await directory.file("in/sub/deep/file", "deep");
  await directory.file("out/file", SECRET);
  await Deno.symlink(directory.at("out/file"), directory.at("in/link"));
  await Deno.symlink("file", directory.at("in/link-inside"));
  await Deno.symlink("nowhere", directory.at("in/dangling"));
  await Deno.symlink("loop", directory.at("in/loop"));
  await Deno.symlink(directory.at("out"), directory.at("in/link-dir"));
  await Deno.symlink("sub", directory.at("in/link-sub"));
  await Deno.symlink(".", directory.at("in/link-here"));
  await Deno.symlink(directory.at("in"), directory.at("link-root"));
  await new Deno.Command("mkfifo", { args: [directory.at("in/fifo")] }).output();
  return directory;
}

Deno.test("a regular file is opened, in whatever depth", async () => {
  await using directory = await guest();
  const root = directory.at("in");
  const { outcomes } = await open([
    { path: directory.at("in/file"), root },
    { path: directory.at("in/empty"), root },
    { path: directory.at("in/sub/deep/file"), root },
    { path: directory.at("in/sub/deep/file"), root: directory.path },
    { path: directory.at("in/sub/deep/file"), root: "/" },
    { path: directory.at("in/file"), root: directory.at("in/file") },
    { path: directory.at("in/file"), root, access: "write" },
    { path: directory.at("in/file"), root },
  ]);
  assertEquals(outcomes, [
    ...["6: inside", "0: ", "4: deep", "4: deep", "4: deep", "6: inside"],
    // Opening for writing cuts nothing off.
    ...["written", "7: WRITTEN"],
  ]);
});

for (
  const [what, path, root, expected] of [
    ["a link to the outside as last component", "in/link", "in", "-32001"],
    ["a link to the inside as last component", "in/link-inside", "in", "-32001"],
    ["a dangling link", "in/dangling", "in", "-32001"],
    ["a link to itself", "in/loop", "in", "-32001"],
    ["a link to the outside as middle component", "in/link-dir/file", "in", "-32001"],
    ["a link to the inside as middle component", "in/link-sub/deep/file", "in", "-32001"],
    ["a link to its own directory", "in/link-here/file", "in", "-32001"],
    ["many links to the own directory", "in/link-here/link-here/file", "in", "-32001"],
    ["an allowed directory that is a link", "link-root/file", "link-root", "-32001"],
    ["an allowed file that is a link", "in/link", "in/link", "-32001"],
    ["a directory", "in/sub", "in", "-32000"],
    ["the allowed directory itself", "in", "in", "-32000"],
    ["a FIFO", "in/fifo", "in", "-32000"],
    ["an allowed FIFO", "in/fifo", "in/fifo", "-32000"],
    ["a missing file", "in/missing", "in", "NotFound"],
    ["a missing directory", "in/missing/file", "in", "NotFound"],
    ["a missing allowed file", "in/missing", "in/missing", "NotFound"],
    ["a file as middle component", "in/file/file", "in", "NotADirectory"],
  ] as const
) {
  Deno.test(`opening ${what} answers ${expected} at once`, async () => {
    await using directory = await guest();
    const file = { path: directory.at(path), root: directory.at(root) };
    const { outcomes } = await open([
      file,
      { ...file, access: "write" },
      { path: directory.at("in/file"), root: directory.at("in") },
    ]);
    assertEquals(outcomes, [expected, expected, "6: inside"]);
    assertEquals(await Deno.readTextFile(directory.at("out/file")), SECRET);
  });
}

Deno.test("a confined process refuses links to what it may not touch as it refuses others", async () => {
  await using directory = await guest();
  const root = directory.at("in");
  const list = [root, RESTING_DIRECTORY].join(",");
  const paths = ["file", "link", "link-dir/file", "link-sub/deep/file"];
  const { outcomes } = await open(paths.map((name) => ({ path: `${root}/${name}`, root })), {
    flags: [`--allow-read=${list}`],
  });
  assertEquals(outcomes, ["6: inside", "-32001", "-32001", "-32001"]);
});

Deno.test("sockets and devices are refused with -32000", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("socket");
  using _listener = Deno.listen({ transport: "unix", path });
  const { outcomes } = await open([
    { path, root: directory.path },
    { path: "/dev/null", root: "/dev" },
    { path: "/dev/null", root: "/dev/null" },
    { path: "/dev/tty", root: "/dev" },
  ]);
  assertEquals(outcomes, ["-32000", "-32000", "-32000", "-32000"]);
});

for (
  const [what, name, kind] of [
    ["a directory", "in/sub", "a directory"],
    ["a FIFO", "in/fifo", "a FIFO"],
  ] as const
) {
  Deno.test(`the refusal of ${what} says what it is`, async () => {
    await using directory = await guest();
    const error = await rpcErrorOf(() => statRegularFile(directory.at(name)));
    assertEquals(error.code, -32000);
    assert(error.data.reason.includes(`is ${kind}`), error.data.reason);
    assertEquals(error.data.path, directory.at(name));
  });
}

Deno.test("the process rests where no allowed file system is kept busy", async () => {
  await using directory = await guest();
  const root = directory.at("in");
  for (const path of [directory.at("in/file"), directory.at("in/link-dir/file")]) {
    assertEquals((await open([{ path, root }])).cwd, await Deno.realPath(RESTING_DIRECTORY));
  }
});

/** Opens a file again and again while someone swaps; what came of it, and how often. */
async function openUnderAttack(
  file: Attempt,
  [how, path, spare]: readonly [Swap, string, string],
  options: OpenOptions,
): Promise<Record<string, number>> {
  await using _attacker = await Attacker.start(how, path, spare);
  const { counts } = await open([file], options);
  return counts;
}

Deno.test("a directory swapped for a link thousands of times never has its outside described", async () => {
  await using directory = await TempDirectory.make();
  await directory.directory("in/sub");
  await directory.file("in/sub/file", "inside");
  await directory.directory("out");
  await directory.file("out/file", "something outside");
  await Deno.symlink(directory.at("out"), directory.at("spare"));
  const counts = await openUnderAttack(
    { path: directory.at("in/sub/file"), root: directory.at("in"), access: "stat" },
    ["rename", directory.at("in/sub"), directory.at("spare")],
    { times: 3000 },
  );
  assert((counts["size 6"] ?? 0) > 0, JSON.stringify(counts));
  assertEquals(counts["size 17"], undefined, JSON.stringify(counts));
  assert((counts["-32001"] ?? 0) > 0, JSON.stringify(counts));
});

Deno.test("a file swapped for a link thousands of times is never read outside", async () => {
  await using directory = await guest();
  // The link leads outside; its twin with the ending is what belongs there.
  await Deno.symlink(directory.at("out/file"), directory.at("spare"));
  await directory.file("spare.real", "inside");
  const counts = await openUnderAttack(
    { path: directory.at("in/file"), root: directory.at("in") },
    ["symlink", directory.at("in/file"), directory.at("spare")],
    { times: 3000 },
  );
  assertEquals(Object.keys(counts).filter((outcome) => outcome.includes(SECRET)), []);
  // Both have been met, else it was no attack.
  assert((counts["6: inside"] ?? 0) > 0 && (counts["-32001"] ?? 0) > 0, JSON.stringify(counts));
});

for (const access of ["read", "write"] as const) {
  Deno.test(`a directory swapped for a link thousands of times lets nobody ${access} outside`, async () => {
    await using directory = await guest();
    await Deno.symlink(directory.at("out"), directory.at("spare"));
    await directory.file("in/sub/file", "inside");
    const counts = await openUnderAttack(
      { path: directory.at("in/sub/file"), root: directory.at("in"), access },
      ["rename", directory.at("in/sub"), directory.at("spare")],
      { times: 3000 },
    );
    assertEquals(Object.keys(counts).filter((outcome) => outcome.includes(SECRET)), []);
    assertEquals(await Deno.readTextFile(directory.at("out/file")), SECRET);
    const opened = counts[access === "read" ? "6: inside" : "written"] ?? 0;
    assert(opened > 0 && (counts["-32001"] ?? 0) > 0, JSON.stringify(counts));
  });
}

Deno.test("an allowed directory swapped for a link is never read outside", async () => {
  await using directory = await guest();
  await Deno.symlink(directory.at("out"), directory.at("spare"));
  const counts = await openUnderAttack(
    { path: directory.at("in/file"), root: directory.at("in") },
    ["rename", directory.at("in"), directory.at("spare")],
    { times: 3000 },
  );
  assertEquals(Object.keys(counts).filter((outcome) => outcome.includes(SECRET)), []);
  assert((counts["6: inside"] ?? 0) > 0 && (counts["-32001"] ?? 0) > 0, JSON.stringify(counts));
});

Deno.test("a file swapped for a FIFO hundreds of times stops nobody from opening files", async () => {
  await using directory = await guest();
  await directory.directory("spare");
  await directory.file("spare/a", "inside");
  await Deno.link(directory.at("in/fifo"), directory.at("spare/b"));
  const counts = await openUnderAttack(
    { path: directory.at("in/file"), root: directory.at("in") },
    ["link", directory.at("in/file"), directory.at("spare")],
    { times: 5000, timeoutMs: 10 },
  );
  assert((counts["6: inside"] ?? 0) > 0 && (counts["-32000"] ?? 0) > 0, JSON.stringify(counts));
});
