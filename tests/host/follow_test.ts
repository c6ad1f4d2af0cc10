import { assertEquals, assertRejects } from "@std/assert";
import { AgentClient } from "../../host/client.ts";
import { AnswerError, CallError } from "../../host/errors.ts";
import { followEvents, followLog } from "../../host/follow.ts";
import { TestAgent } from "../agent/_agent.ts";
import { TempDirectory } from "../lib/_helpers.ts";
import { resultLine, ScriptedAgent, stoppingLine } from "./_scripted_agent.ts";

Deno.test("followLog yields what is written, and goes on after the agent was restarted", async () => {
  let agent = await TestAgent.start();
  const { socket, files } = agent.paths;
  const path = `${files}/app.log`;
  const controller = new AbortController();
  const problems: string[] = [];
  const lines: string[] = [];
  try {
    await Deno.writeTextFile(path, "1\n");
    const following = followLog({ path }, {
      connect: () => AgentClient.connect(socket),
      signal: controller.signal,
      onProblem: ({ reason }) => problems.push(reason),
      retryMs: 20,
    });
    for await (const read of following) {
      lines.push(...read.lines ?? []);
      const last = Number(lines.at(-1));
      if (last === 6) controller.abort();
      else if (read.lines?.length !== 0) {
        await Deno.writeTextFile(path, `${last + 1}\n`, { append: true });
      }
      if (last === 3 && problems.length === 0) {
        agent.kill("SIGKILL");
        await agent.ended();
        agent = await TestAgent.start({ paths: agent.paths });
      }
    }
    assertEquals(lines, ["1", "2", "3", "4", "5", "6"]);
    assertEquals(problems.length > 0, true);
  } finally {
    await agent[Symbol.asyncDispose]();
  }
});

Deno.test("followEvents begins with the oldest event, and ends with its signal", async () => {
  await using agent = await TestAgent.start();
  const controller = new AbortController();
  const seen: string[] = [];
  const options = {
    connect: () => AgentClient.connect(agent.paths.socket),
    signal: controller.signal,
  };
  for await (const { events } of followEvents({ types: ["agent"] }, options)) {
    seen.push(...events.map(({ event }) => event));
    if (seen.length > 0) controller.abort();
  }
  assertEquals(seen, ["agent.started"]);
});

Deno.test("followEvents goes on if it has asked an agent that was stopping", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(directory.at("s"));
  let reads = 0;
  agent.answerer = (request) => {
    reads += 1;
    if (reads === 2) return { text: stoppingLine(request), hangUp: true };
    return { text: resultLine(request, { events: [], cursor: `e1.0123456789abcdef.${reads}` }) };
  };
  const controller = new AbortController();
  const problems: string[] = [];
  const cursors: string[] = [];
  const following = followEvents({}, {
    connect: () => AgentClient.connect(agent.path),
    signal: controller.signal,
    onProblem: ({ reason }) => problems.push(reason),
    retryMs: 20,
  });
  for await (const { cursor } of following) {
    cursors.push(cursor.slice(-1));
    if (cursors.length === 2) controller.abort();
  }
  assertEquals([cursors, problems], [["1", "3"], ["not served"]]);
  assertEquals(agent.connections, 2);
});

Deno.test("followLog fails if it cannot connect at first, or if the agent refuses", async () => {
  await using directory = await TempDirectory.make();
  const { signal } = new AbortController();
  const none = followLog({ path: "/a" }, {
    connect: () => AgentClient.connect(directory.at("none")),
    signal,
  });
  await assertRejects(() => none.next(), CallError);
  await using agent = await TestAgent.start();
  const refused = followLog({ path: "/etc/shadow" }, {
    connect: () => AgentClient.connect(agent.paths.socket),
    signal,
  });
  await assertRejects(() => refused.next(), AnswerError);
});
