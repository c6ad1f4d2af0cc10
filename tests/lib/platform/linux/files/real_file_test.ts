import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { statRegularFile } from "../../../../../lib/platform/linux/files/real_file.ts";
import { RESTING_DIRECTORY } from "../../../../../lib/platform/linux/files/real_path.ts";
import { runTestScript } from "../../../../_deno.ts";
import { rpcErrorOf, TempDirectory } from "../../../_helpers.ts";
import { Attacker, type Swap } from "./_attacker.ts";

const SECRET = "SECRET";

const Report = z.strictObject({
  outcomes: z.array(z.string()),
  counts: z.record(z.string(), z.number()),
  cwd: z.string(),
  mostOpens: z.int(),
});

interface Attempt {
  readonly path: string;
  readonly root: string;
  readonly access?: "read" | "write" | "stat";
}

interface OpenOptions {
  readonly times?: number;
  readonly timeoutMs?: number;
  /** Go on until each of these outcomes has been seen, within {@link DEADLINE_MS}. */
  readonly until?: readonly string[];
  /** The permissions of the process that opens them. */
  readonly flags?: readonly string[];
}

const DEADLINE_MS = 12_000;

/** Opens files in a separate process: see `_open.ts`. */
async function open(
  files: readonly Attempt[],
  { times = 1, timeoutMs = 20_000, until, flags = ["--allow-all"] }: OpenOptions = {},
) {
  const task = {
    files: files.map(({ access = "read", ...file }) => ({ ...file, access })),
    times,
    timeoutMs,
    ...(until === undefined ? {} : { until: { seen: until, deadlineMs: DEADLINE_MS } }),
  };
  const { code, stdout, stderr } = await runTestScript("lib/platform/linux/files/_open.ts", {
    flags,
    args: [JSON.stringify(task)],
  });
  assertEquals([code, stderr], [0, ""]);
  return z.parse(Report, JSON.parse(stdout));
}

/** An allowed directory with files, links and other things in it, and one outside. */
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

Deno.test("a regular file is opened at any depth", async () => {
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
    // Opening for writing does not truncate.
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

Deno.test("a confined process refuses links to places it may not touch like any other link", async () => {
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
  Deno.test(`refusing ${what} names its type`, async () => {
    await using directory = await guest();
    const error = await rpcErrorOf(() => statRegularFile(directory.at(name)));
    assertEquals(error.code, -32000);
    assert(error.data.reason.includes(`is ${kind}`), error.data.reason);
    assertEquals(error.data.path, directory.at(name));
  });
}

Deno.test("opening keeps no allowed file system busy", async () => {
  await using directory = await guest();
  const root = directory.at("in");
  for (const path of [directory.at("in/file"), directory.at("in/link-dir/file")]) {
    assertEquals((await open([{ path, root }])).cwd, await Deno.realPath(RESTING_DIRECTORY));
  }
});

/** Opens a file again and again while somebody swaps it; returns how often each outcome was met. */
async function openUnderAttack(
  file: Attempt,
  [how, path, spare]: readonly [Swap, string, string],
  options: OpenOptions,
): Promise<Record<string, number>> {
  await using _attacker = await Attacker.start(how, path, spare);
  const { counts } = await open([file], options);
  return counts;
}

const secretsIn = (counts: Record<string, number>) =>
  Object.keys(counts).filter((outcome) => outcome.includes(SECRET));

Deno.test("a directory swapped for a link never has its outside described", async () => {
  await using directory = await TempDirectory.make();
  await directory.directory("in/sub");
  await directory.file("in/sub/file", "inside");
  await directory.directory("out");
  await directory.file("out/file", "something outside");
  await Deno.symlink(directory.at("out"), directory.at("spare"));
  const counts = await openUnderAttack(
    { path: directory.at("in/sub/file"), root: directory.at("in"), access: "stat" },
    ["rename", directory.at("in/sub"), directory.at("spare")],
    { times: 2000, until: ["size 6", "-32001"] },
  );
  assertEquals(counts["size 17"], undefined, JSON.stringify(counts));
});

Deno.test("a file swapped for a link is never read outside", async () => {
  await using directory = await guest();
  // The link leads outside; the copy with the suffix is what belongs there.
  await Deno.symlink(directory.at("out/file"), directory.at("spare"));
  await directory.file("spare.real", "inside");
  const counts = await openUnderAttack(
    { path: directory.at("in/file"), root: directory.at("in") },
    ["symlink", directory.at("in/file"), directory.at("spare")],
    { times: 2000, until: ["6: inside", "-32001"] },
  );
  assertEquals(secretsIn(counts), []);
});

for (const access of ["read", "write"] as const) {
  Deno.test(`a directory swapped for a link gives no access to ${access} outside`, async () => {
    await using directory = await guest();
    await Deno.symlink(directory.at("out"), directory.at("spare"));
    await directory.file("in/sub/file", "inside");
    const counts = await openUnderAttack(
      { path: directory.at("in/sub/file"), root: directory.at("in"), access },
      ["rename", directory.at("in/sub"), directory.at("spare")],
      { times: 2000, until: [access === "read" ? "6: inside" : "written", "-32001"] },
    );
    assertEquals(secretsIn(counts), []);
    assertEquals(await Deno.readTextFile(directory.at("out/file")), SECRET);
  });
}

Deno.test("an allowed directory swapped for a link is never read outside", async () => {
  await using directory = await guest();
  await Deno.symlink(directory.at("out"), directory.at("spare"));
  const counts = await openUnderAttack(
    { path: directory.at("in/file"), root: directory.at("in") },
    ["rename", directory.at("in"), directory.at("spare")],
    { times: 2000, until: ["6: inside", "-32001"] },
  );
  assertEquals(secretsIn(counts), []);
});

Deno.test("files still open while one is swapped for a FIFO, and afterwards", async () => {
  await using directory = await guest();
  await directory.directory("spare");
  await directory.file("spare/a", "inside");
  await Deno.link(directory.at("in/fifo"), directory.at("spare/b"));
  const root = directory.at("in");
  await using _attacker = await Attacker.start("link", `${root}/file`, directory.at("spare"));
  const { counts, mostOpens } = await open([{ path: `${root}/file`, root }], {
    times: 2000,
    timeoutMs: 30_000,
    until: ["6: inside", "-32000"],
  });
  // A stuck open is interrupted until it meets the file: none takes as long as the timeout, which
  // leaves room for twenty interruptions that meet the FIFO again.
  assertEquals(counts["TimeoutError"], undefined, JSON.stringify(counts));
  assert(mostOpens <= 4, `${mostOpens} at once`);
  const after = { path: directory.at("in/sub/deep/file"), root };
  assertEquals((await open([after])).outcomes, ["4: deep"]);
});
