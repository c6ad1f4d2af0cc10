/**
 * Commands that fork, hide, stop, close their streams, or run in large numbers.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { childrenOf, countDescriptors } from "../../scripts/bench/proc.ts";
import { TestAgent } from "./_agent.ts";
import { assertRefused, type Host } from "./_host.ts";
import { endLeftOver, isAlive, survivors } from "../_processes.ts";
import { timed, until } from "../_waiting.ts";
import { TIMEOUT } from "../_error_codes.ts";

const Executed = z.looseObject({ exit_code: z.int(), stdout: z.string() });

const shell = (script: string, ...args: string[]) => ({
  command: "sh",
  args: ["-c", script, "sh", ...args],
});

const exec = (host: Host, params: Record<string, unknown>) =>
  host.call("exec_command", params, Executed);

/** Process ids, one per line. */
async function pidsIn(path: string): Promise<number[]> {
  return (await Deno.readTextFile(path)).trim().split("\n").map(Number);
}

/** What the agent has open while nothing runs. */
const held = async (pid: number) => ({
  descriptors: await countDescriptors(pid),
  children: (await childrenOf(pid)).length,
});

/** Less is fine: what was open at the first check may have been closed since. */
async function holdsAtMost(pid: number, before: Awaited<ReturnType<typeof held>>) {
  const now = await held(pid);
  return now.descriptors <= before.descriptors && now.children <= before.children;
}

Deno.test("a tree of forks is killed completely, including stopped processes and those that ignore SIGTERM", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const list = `${agent.paths.files}/pids`;
  // Three generations of three children; some ignore SIGTERM, some are stopped.
  const script = `
    echo $$ >> "$2"
    [ $1 = 0 ] && { [ $(($$ % 3)) = 0 ] && trap "" TERM; [ $(($$ % 3)) = 1 ] && kill -STOP $$; }
    if [ $1 -gt 0 ]; then
      for child in 1 2 3; do sh -c "$3" sh $(($1 - 1)) "$2" "$3" & done
    fi
    sleep 300 & echo $! >> "$2"
    wait`;
  const params = { ...shell(script, "3", list, script), timeout_seconds: 2 };
  assertRefused(await host.request("exec_command", params), TIMEOUT, /did not finish within 2 s/);
  const pids = await pidsIn(list);
  assert(pids.length > 60, `${pids.length} processes`);
  const alive = await survivors(pids);
  for (const pid of alive) await endLeftOver(pid);
  assertEquals(alive, []);
});

/** Processes of a process group, zombies not counted (proc(5)). */
async function membersOf(group: number): Promise<number[]> {
  const members: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await Deno.readTextFile(`/proc/${name}/stat`).catch(() => "");
    const [state, , pgrp] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(pgrp) === group && state !== "Z") members.push(Number(name));
  }
  return members;
}

for (const reason of ["its time limit", "a cancellation", "the end of the agent"] as const) {
  Deno.test(`a command's process group is gone after ${reason}`, async () => {
    await using agent = await TestAgent.start();
    await using host = await agent.connect();
    const list = `${agent.paths.files}/pids`;
    // The leader exits on SIGTERM; its children ignore it, and one has closed its output.
    const script = `(trap "" TERM; sleep 300 & sleep 300) >&- 2>&- &
      (trap "" TERM; sleep 300) & sleep 300 & echo $$ >"$1.new"; mv "$1.new" "$1"; wait`;
    const timeout_seconds = reason === "its time limit" ? 1 : 300;
    const id = await host.start("exec_command", { ...shell(script, list), timeout_seconds });
    await until(() => Deno.lstat(list).then(() => true, () => false), "the command to run");
    const [group = 0] = await pidsIn(list);
    assert(group > 1);
    if (reason === "a cancellation") {
      await host.call("rpc.cancel", { id }, z.strictObject({ cancelled: z.literal(true) }));
    }
    if (reason === "the end of the agent") {
      agent.kill("SIGTERM");
      assertEquals((await agent.ended()).code, 0);
    } else {
      assert("error" in await host.answerTo(id));
    }
    await until(async () => (await membersOf(group)).length === 0, "the end of the group");
  });
}

/** What a process has open: the targets of its descriptors (proc_pid_fd(5)). */
async function targetsOf(pid: number): Promise<string[]> {
  const targets: string[] = [];
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    targets.push(await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => ""));
  }
  return targets;
}

Deno.test("a process that leaves its group and session outlives the limit and delays nothing", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const list = `${agent.paths.files}/pids`;
  // A daemon's double fork that keeps the output open.
  const script = `echo $$ > "$1"
    setsid sh -c 'echo $$ >> "$1"; exec sleep 300' sh "$1" & sleep 300`;
  const { value, ms } = await timed(() =>
    host.request("exec_command", { ...shell(script, list), timeout_seconds: 1 })
  );
  const [leader = 0, daemon = 0] = await pidsIn(list);
  try {
    assertRefused(value, TIMEOUT, /did not finish within 1 s/);
    assert(ms < 5000, `answered after ${ms} ms`);
    assert(await isAlive(daemon), "docs/security.md says that it survives");
    const output = await Promise.all([1, 2].map((fd) => Deno.readLink(`/proc/${daemon}/fd/${fd}`)));
    await until(
      async () => !(await targetsOf(agent.pid)).some((target) => output.includes(target)),
      "the agent to close its pipes",
    );
    await until(
      async () => !(await childrenOf(agent.pid)).includes(leader),
      "the agent to wait for the command",
    );
  } finally {
    Deno.kill(daemon, "SIGKILL");
  }
});

Deno.test("the agent waits for a command that closes its streams", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const closed = await exec(host, shell("exec <&- >&- 2>&-; sleep 0.3; exit 3"));
  assertEquals([closed.exit_code, closed.stdout], [3, ""]);
  const input = "x".repeat(40_000);
  const deaf = await exec(host, { ...shell("exec <&-; echo heard; exit 4"), input });
  assertEquals([deaf.exit_code, deaf.stdout], [4, "heard\n"]);
  await host.ping();
});

Deno.test("hundreds of commands in a row leave no zombie and no descriptor", async () => {
  // Watching the guest takes a process now and then.
  await using agent = await TestAgent.start({ config: () => ({ events: { sources: ["agent"] } }) });
  await using host = await agent.connect();
  await Promise.all(Array.from({ length: 20 }, () => exec(host, { command: "true" })));
  await host.ping();
  const before = await held(agent.pid);
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        host.request(
          "exec_command",
          [
            { command: "true" },
            { command: "cat", input: "x" },
            { command: "no-such-program" },
            { command: "true", working_directory: "/nowhere" },
          ][index % 4],
        )),
    );
    assertEquals(answers.filter((answer) => "result" in answer).length, 10);
  }
  await until(
    () => holdsAtMost(agent.pid, before),
    () => `the agent to have no more open than before: ${JSON.stringify(before)}`,
  );
});
