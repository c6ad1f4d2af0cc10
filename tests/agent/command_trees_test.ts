/**
 * Commands that fork, hide, stop, close what they should keep open, and come in great numbers.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { childrenOf, countDescriptors } from "../../scripts/bench/proc.ts";
import { TestAgent } from "./_agent.ts";
import { assertRefused, type Host } from "./_host.ts";
import { endLeftOver, survivors } from "../_processes.ts";
import { timed, until } from "../_waiting.ts";
import { TIMEOUT } from "../_error_codes.ts";
import { isAlive } from "../_processes.ts";

const Executed = z.looseObject({ exit_code: z.int(), stdout: z.string() });

const shell = (script: string, ...args: string[]) => ({
  command: "sh",
  args: ["-c", script, "sh", ...args],
});

const exec = (host: Host, params: Record<string, unknown>) =>
  host.call("exec_command", params, Executed);

/** Process ids, one on a line. */
async function pidsIn(path: string): Promise<number[]> {
  return (await Deno.readTextFile(path)).trim().split("\n").map(Number);
}

/** What the agent holds when nothing runs. */
const held = async (pid: number) => ({
  descriptors: await countDescriptors(pid),
  children: (await childrenOf(pid)).length,
});

Deno.test("a tree of forks is ended to the last leaf, stopped and deaf ones included", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const list = `${agent.paths.files}/pids`;
  // Three generations of three; some ignore SIGTERM, some are stopped.
  const script = `
    echo $$ >> "$2"
    [ $1 = 0 ] && { [ $(($$ % 3)) = 0 ] && trap "" TERM; [ $(($$ % 3)) = 1 ] && kill -STOP $$; }
    if [ $1 -gt 0 ]; then
      for child in 1 2 3; do sh -c "$3" sh $(($1 - 1)) "$2" "$3" & done
    fi
    sleep 300 & echo $! >> "$2"
    wait`;
  const params = { ...shell(script, "3", list, script), timeout_seconds: 2 };
  assertRefused(await host.request("exec_command", params), TIMEOUT, /was ended after 2 s/);
  const pids = await pidsIn(list);
  assert(pids.length > 60, `${pids.length} processes`);
  const alive = await survivors(pids);
  for (const pid of alive) await endLeftOver(pid);
  assertEquals(alive, []);
});

Deno.test("what leaves its group and session outlives the limit, and holds nothing up", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const list = `${agent.paths.files}/pids`;
  const before = await held(agent.pid);
  // The double fork of a daemon, which keeps the output open.
  const script = `setsid sh -c 'echo $$ >> "$1"; exec sleep 300' sh "$1" & sleep 300`;
  const { value, ms } = await timed(() =>
    host.request("exec_command", { ...shell(script, list), timeout_seconds: 1 })
  );
  assertRefused(value, TIMEOUT, /was ended after 1 s/);
  assert(ms < 5000, `answered after ${ms} ms`);
  const [daemon = 0] = await pidsIn(list);
  try {
    assert(await isAlive(daemon), "as the documentation says");
    await until(
      async () => JSON.stringify(await held(agent.pid)) === JSON.stringify(before),
      "the agent to have let go of its pipes",
    );
  } finally {
    Deno.kill(daemon, "SIGKILL");
  }
});

Deno.test("a command that closes its streams is waited for, and one that breaks them is too", async () => {
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
  await using agent = await TestAgent.start();
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
    async () => JSON.stringify(await held(agent.pid)) === JSON.stringify(before),
    () => `what was held before: ${JSON.stringify(before)}`,
  );
});
