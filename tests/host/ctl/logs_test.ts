/**
 * `logs`, and `events` of a guest's journal.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { EXIT } from "../../../host/ctl/exit.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { startMonitored } from "../../agent/_monitor.ts";
import { command } from "../../agent/_monitor.ts";
import { TempDirectory } from "../../lib/_helpers.ts";
import { resultLine, ScriptedAgent } from "../_scripted_agent.ts";
import { channelTest, ctl, RunningCtl } from "./_ctl.ts";

Deno.test("ctl logs prints the last lines, however many answers they take", async () => {
  await using agent = await TestAgent.start({ config: () => ({ max_message_size_kb: 2 }) });
  const path = `${agent.paths.files}/app.log`;
  const lines = Array.from({ length: 500 }, (_, n) => `line\t${n} ${"x".repeat(50)}`);
  await Deno.writeTextFile(path, lines.map((line) => `${line}\n`).join(""));
  const target = ["--socket", agent.paths.socket];
  const ten = await ctl(["logs", path, ...target]);
  assertEquals([ten.code, ten.stdout, ten.stderr], [0, `${lines.slice(-10).join("\n")}\n`, ""]);
  const many = await ctl(["logs", "-n", "200", path, ...target]);
  assertEquals(many.stdout, `${lines.slice(-200).join("\n")}\n`);
  const json = await ctl(["logs", "-n1", "--json", path, ...target]);
  assertEquals(JSON.parse(json.stdout), { line: lines.at(-1), continued: false, cut: false });
});

Deno.test("ctl logs -f follows through a rotation and a restart of the agent", async () => {
  let agent = await TestAgent.start();
  const { socket, files } = agent.paths;
  const path = `${files}/app.log`;
  try {
    await Deno.writeTextFile(path, "one\n");
    await using running = new RunningCtl(["logs", "-f", path, "--socket", socket]);
    await running.prints(/one\n/);
    await Deno.writeTextFile(path, "two\n", { append: true });
    await running.prints(/two\n/);
    agent.kill("SIGKILL");
    await agent.ended();
    await running.prints(/trying again/);
    await Deno.writeTextFile(path, "three\n", { append: true });
    await Deno.utime(path, 1, 1);
    await Deno.rename(path, `${path}.1`);
    await Deno.writeTextFile(path, "four\n");
    agent = await TestAgent.start({ paths: agent.paths });
    await running.prints(/four\n/);
    running.kill();
    const { code, stdout } = await running.ended();
    assertEquals([code, stdout], [EXIT.ok, "one\ntwo\nthree\nfour\n"]);
  } finally {
    await agent[Symbol.asyncDispose]();
  }
});

channelTest("ctl logs shows the journal, with control characters escaped", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(directory.at("s"));
  let reads = 0;
  agent.answerer = (request) => ({
    text: resultLine(request, {
      entries: reads++ > 0 ? [] : [
        { time: 1_700_000_000.5, priority: 3, unit: "a.service", message: "\x1b[2J", pid: 7 },
        { time: 1_700_000_001, identifier: "kernel", message: "long", cut: true },
      ],
      cursor: "j1.x",
      gap: { reason: "dropped", at_most_entries: 5 },
    }),
  });
  const args = ["logs", "--unit", "a", "--since", "@5", "-n", "2", "--socket", directory.at("s")];
  const { code, stdout, stderr } = await ctl(args);
  assertEquals([code, stdout, stderr], [
    0,
    "2023-11-14T22:13:20.500Z a.service[7]: \\x1b[2J\n2023-11-14T22:13:21.000Z kernel: long…\n",
    "kvmmanager-ctl: entries are missing (at most 5): dropped\n",
  ]);
  assertEquals(agent.requests[0]?.params, { unit: "a", since: 5, lines: 2 });
});

Deno.test("ctl logs needs exactly one log", async () => {
  for (const args of [[], ["/a", "--kernel"], ["--unit", "a", "-k"]]) {
    const { code, stderr } = await ctl(["logs", ...args, "--socket", "/none"]);
    assertEquals(code, EXIT.usage);
    assertMatch(stderr, /exactly one of PATH, --unit and --kernel/);
  }
  assertEquals((await ctl(["logs", "-k", "--since", "x", "--socket", "/none"])).code, EXIT.usage);
});

Deno.test("ctl events --since start prints the guest's journal, and -f goes on", async () => {
  await using agent = await startMonitored();
  await command(agent, "agent.SendEvent", { Event: "first", Data: "\x9b" });
  const target = ["--socket", agent.paths.socket];
  const { code, stdout } = await ctl(["events", "--since", "start", ...target]);
  const lines = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals([code, stdout.includes("\x9b")], [EXIT.ok, false]);
  assertEquals(lines.map(({ event }) => event), ["agent.started", "first"]);
  await using running = new RunningCtl([
    "events",
    "-f",
    "--since",
    lines[0]?.cursor ?? "",
    ...target,
  ]);
  await running.prints(/"first"/);
  await command(agent, "agent.SendEvent", { Event: "second" });
  await running.prints(/"second"/);
  running.kill();
  const followed = await running.ended();
  assertEquals(followed.code, EXIT.ok);
  assertEquals(followed.stdout.trim().split("\n").length, 2);
});
