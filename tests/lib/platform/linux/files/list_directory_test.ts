import { assert, assertEquals, assertRejects } from "@std/assert";
import { basename } from "@std/path/posix";
import { listDirectory } from "../../../../../lib/platform/linux/files/list_directory.ts";
import { isAlive } from "../../../../_processes.ts";
import { until } from "../../../../_waiting.ts";
import { NEVER, TempDirectory } from "../../../_helpers.ts";
import { Attacker } from "./_attacker.ts";

const FIRST = { after: "", limit: 100, signal: NEVER };

Deno.test("listDirectory() lists nothing outside while its directory is swapped for a link", async () => {
  await using directory = await TempDirectory.make();
  const sub = await directory.directory("in/sub");
  await directory.file("in/sub/inside", "");
  await directory.directory("out");
  await directory.file("out/outside", "");
  await Deno.symlink(directory.at("out"), directory.at("spare"));
  const target = { path: sub, root: directory.at("in") };
  const seen = new Set<string>();
  {
    await using _attacker = await Attacker.start("rename", sub, directory.at("spare"));
    for (let i = 0; i < 300; i++) {
      try {
        const { entries } = await listDirectory(target, FIRST);
        for (const { name } of entries) seen.add(name);
      } catch (error) {
        seen.add(error instanceof Error ? error.name : String(error));
      }
    }
  }
  assertEquals([...seen].sort(), ["RpcError", "inside"]);
});

Deno.test("listDirectory() keeps no more names than it was asked for, and counts the rest", async () => {
  await using directory = await TempDirectory.make();
  const names = Array.from({ length: 1000 }, (_, index) => String(index));
  for (const name of names) await directory.file(name, "");
  const target = { path: directory.path, root: directory.path };
  const page = await listDirectory(target, { after: "5", limit: 3, signal: NEVER });
  assertEquals(page.entries.map(({ name }) => name), ["50", "500", "501"]);
  assertEquals(page.last, "501");
  assertEquals(page.following, names.filter((name) => name > "501").length);
});

Deno.test("listDirectory() stops at once when its signal is aborted, before or meanwhile", async () => {
  await using directory = await TempDirectory.make();
  const target = { path: directory.path, root: directory.path };
  for (let i = 0; i < 2000; i++) await directory.file(String(i), "");
  const reason = new Error("enough");
  const before = { ...FIRST, signal: AbortSignal.abort(reason) };
  assertEquals(await assertRejects(() => listDirectory(target, before)), reason);
  const controller = new AbortController();
  const during = listDirectory(target, { ...FIRST, signal: controller.signal });
  queueMicrotask(() => controller.abort(reason));
  assertEquals(await assertRejects(() => during), reason);
});

Deno.test("listDirectory() kills what it started when its signal is aborted", async () => {
  await using directory = await TempDirectory.make();
  // More names than a pipe holds: find(1) waits for the reader.
  for (let i = 0; i < 1000; i++) await directory.file(`${i}-${"x".repeat(200)}`, "");
  const controller = new AbortController();
  const target = { path: directory.path, root: directory.path };
  const listing = listDirectory(target, { ...FIRST, signal: controller.signal });
  // Tests of other files start children of this process too.
  const name = basename(directory.path);
  const started = () => childrenOf(Deno.pid).find((pid) => argumentsOf(pid).includes(name));
  let child = started();
  // It starts before anything else happens in this thread, and may end soon after.
  for (let turn = 0; child === undefined && turn < 100; turn++) {
    await Promise.resolve();
    child = started();
  }
  assert(child !== undefined);
  try {
    Deno.kill(-child, "SIGSTOP");
    const reason = new Error("enough");
    controller.abort(reason);
    assertEquals(await assertRejects(() => listing), reason);
    await until(async () => !(await isAlive(child)), "its end");
  } finally {
    if (await isAlive(child)) Deno.kill(-child, "SIGKILL");
  }
});

/** The arguments of a process; none if it has ended. */
function argumentsOf(pid: number): string[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
  } catch {
    return [];
  }
}

/** The processes that any thread of this process has started. */
function childrenOf(pid: number): number[] {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].flatMap(({ name }) => {
    try {
      const text = Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`);
      return text.split(" ").filter(Boolean).map(Number);
    } catch {
      // The thread has ended.
      return [];
    }
  });
}

Deno.test("listDirectory() lists the root of the file system and an allowed /", async () => {
  const { entries } = await listDirectory({ path: "/", root: "/" }, { ...FIRST, limit: 1000 });
  assert(entries.some(({ name, type }) => name === "proc" && type === "directory"));
  const below = await listDirectory({ path: "/usr/bin", root: "/" }, FIRST);
  assertEquals(below.entries.length, 100);
});
