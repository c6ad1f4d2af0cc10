import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ProcessQuery } from "../../../../../lib/guest/processes.ts";
import { LinuxProcesses } from "../../../../../lib/platform/linux/proc/mod.ts";
import { isAlive } from "../../../../_processes.ts";
import { tool } from "../../../../_tool.ts";
import { until } from "../../../../_waiting.ts";
import { NEVER, rpcErrorOf } from "../../../_helpers.ts";

const processes = new LinuxProcesses();

const list = (query: Partial<ProcessQuery> = {}) =>
  processes.list({ order: "pid", limit: 1000, withArguments: false, signal: NEVER, ...query });

/** A sleeping process with a name of its own; disposing of it ends it. */
class Sleeper implements AsyncDisposable {
  private constructor(readonly child: Deno.ChildProcess) {}

  static async start(name: string, args: readonly string[] = []): Promise<Sleeper> {
    // A process may choose the name that the kernel gives it.
    const script = 'printf %s "$1" > /proc/self/comm; shift; read -r line';
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", script, "sh", name, ...args],
      stdin: "piped",
    }).spawn();
    await until(
      async () => (await list({ pid: child.pid })).processes[0]?.name !== "sh",
      "it has its name",
    );
    return new Sleeper(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stdin.close().catch(() => {});
    await this.child.status;
  }
}

Deno.test("the list agrees with what ps(1) says about a process", async () => {
  await using sleeper = await Sleeper.start("tested");
  const { pid } = sleeper.child;
  const [found] = (await list({ pid })).processes;
  const [parent, uid, user, name] =
    (await tool("ps", "-o", "ppid=,uid=,user=,comm=", "-p", `${pid}`))
      .trim().split(/ +/);
  assertEquals(
    [`${found?.parentPid}`, `${found?.uid}`, found?.user, found?.name, found?.state],
    [parent, uid, user, name, "sleeping"],
  );
  assert(found !== undefined && found.residentBytes > 100_000);
  assert(Math.abs(found.startedAt - Date.now() / 1000) < 60, `${found.startedAt}`);
});

Deno.test("a name with parentheses, newlines and tabs confuses nothing", async () => {
  for (
    const [name, shown] of [["a) S 1 (", "a) S 1 ("], ["a\nb\tc", "a b?c"], [
      "\\n%s",
      "\\n%s",
    ]] as const
  ) {
    await using sleeper = await Sleeper.start(name);
    const [found] = (await list({ pid: sleeper.child.pid })).processes;
    assertEquals([found?.name.replace("a?b", "a b"), found?.parentPid, found?.state], [
      shown,
      Deno.pid,
      "sleeping",
    ]);
  }
});

Deno.test("pages of every order contain every process that stays", async () => {
  await using sleeper = await Sleeper.start("paged");
  for (const order of ["pid", "cpu", "memory"] as const) {
    const seen = new Set<number>();
    let cursor: string | undefined;
    for (;;) {
      const page = await list({ order, limit: 40, cursor });
      assert(page.processes.length <= 40);
      for (const { pid } of page.processes) seen.add(pid);
      cursor = page.processes.at(-1)?.cursor;
      if (!page.hasMore) break;
    }
    assert(seen.has(sleeper.child.pid), order);
  }
  const { processes: bySize } = await list({ order: "memory" });
  const sizes = bySize.map(({ residentBytes }) => residentBytes);
  assertEquals(sizes, sizes.toSorted((a, b) => b - a));
});

Deno.test("filters take names and numbers of users, and exact names of processes", async () => {
  await using sleeper = await Sleeper.start("filtered");
  const { pid } = sleeper.child;
  const uid = Deno.uid() ?? 0;
  const user = (await tool("id", "-un")).trim();
  const pids = async (query: Partial<ProcessQuery>) =>
    (await list(query)).processes.map((one) => one.pid);
  assertEquals(await pids({ name: "filtered" }), [pid]);
  assertEquals(await pids({ name: "filter" }), []);
  assertEquals(await pids({ name: "filtered", user }), [pid]);
  assertEquals(await pids({ name: "filtered", user: `${uid}` }), [pid]);
  assertEquals(await pids({ name: "filtered", user: "nobody-here" }), []);
  assertEquals(await pids({ name: "$(id)\\n" }), []);
});

Deno.test("command lines are read only if asked for, with empty arguments and odd bytes", async () => {
  const args = ["", "two words", "line\nbreak", "pid 1\n 41", "é"];
  await using sleeper = await Sleeper.start("argued", args);
  const { pid } = sleeper.child;
  assertEquals((await list({ pid })).processes[0]?.arguments, undefined);
  const [found] = (await list({ pid, withArguments: true })).processes;
  assertEquals(found?.arguments?.slice(-args.length), args);
  assertEquals(found?.argumentsTruncated, undefined);
  await using long = await Sleeper.start("long", ["x".repeat(5000)]);
  const [cut] = (await list({ pid: long.child.pid, withArguments: true })).processes;
  assertEquals(cut?.argumentsTruncated, true);
  assertEquals(cut?.arguments?.join(" ").length, 2048);
});

Deno.test("a signal reaches the process that was listed", async () => {
  await using sleeper = await Sleeper.start("ended");
  const { pid } = sleeper.child;
  const [found] = (await list({ pid })).processes;
  assert(found !== undefined);
  await processes.send(found, "SIGKILL", NEVER);
  assertEquals((await sleeper.child.status).signal, "SIGKILL");
  const gone = await rpcErrorOf(() => processes.send(found, "SIGKILL", NEVER));
  assertEquals(gone.code, -32002);
});

Deno.test("a process that has the number of the one that was listed is not signalled", async () => {
  await using sleeper = await Sleeper.start("reused");
  const { pid } = sleeper.child;
  const [found] = (await list({ pid })).processes;
  const other = { pid, startTicks: (found?.startTicks ?? 0) - 1 };
  const error = await rpcErrorOf(() => processes.send(other, "SIGKILL", NEVER));
  assertEquals(error.code, -32002);
  assert(isAlive(pid));
});

Deno.test("process 1, the agent and its parent are refused", async () => {
  const [me] = (await list({ pid: Deno.pid })).processes;
  const [parent] = (await list({ pid: Deno.ppid })).processes;
  const [first] = (await list({ pid: 1 })).processes;
  for (const process of [me, parent, first]) {
    assert(process !== undefined);
    const error = await rpcErrorOf(() => processes.send(process, "SIGCONT", NEVER));
    assertEquals(error.code, -32001);
  }
});

Deno.test("a malformed cursor is refused", async () => {
  for (const cursor of ["x", "1", "1:", "1e5:3", "1:2:3", "$(id):1"]) {
    const error = await rpcErrorOf(() => list({ cursor }));
    assertEquals(error.code, -32602);
    assertMatch(error.message, /cursor/);
  }
});
