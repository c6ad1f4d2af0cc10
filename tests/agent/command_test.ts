/**
 * `kvmmanager-agent command`: the shell's way to the command monitor.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { runAgent, TestAgent } from "./_agent.ts";
import { monitored, pipeOf, startMonitored } from "./_monitor.ts";
import { type Outcome } from "../_deno.ts";

const EXIT_USAGE = 64;
const EXIT_CONFIG = 78;

/** Runs the command with the configuration of an agent. */
const run = (agent: TestAgent, ...words: readonly string[]): Promise<Outcome> =>
  runAgent(["command", ...words, "--config", agent.paths.configFile]);

const Answer = z.looseObject({
  Status: z.int(),
  StatusMessage: z.string(),
  Reason: z.optional(z.string()),
});

function assertAnswer({ code, stdout, stderr }: Outcome, status: number, message: RegExp): void {
  assertEquals([code, stderr], [status, ""]);
  const answer = z.parse(Answer, JSON.parse(stdout));
  assertEquals(answer.Status, status);
  assertMatch(answer.Reason ?? answer.StatusMessage, message);
}

Deno.test("command prints the answer and exits with its Status", async () => {
  await using agent = await startMonitored();
  const { code, stdout, stderr } = await run(agent, "agent.Ping");
  assertEquals([code, stdout, stderr], [0, '{\n  "Status": 0,\n  "StatusMessage": ""\n}\n', ""]);
  assertAnswer(await run(agent, "agent.Nothing"), 101, /"agent.Nothing" is not registered/);
  assertAnswer(await run(agent, "agent.SendEvent", "{}"), 105, /^Event must be a string/);
  assertAnswer(await run(agent, "agent.SendEvent", '{"Event":"x"}'), 0, /^$/);
});

Deno.test("command sends the fields from its standard input", async () => {
  await using agent = await startMonitored();
  const args = ["command", "agent.SendEvent", "-", "--config", agent.paths.configFile];
  const outcome = await runAgent(args, '{"Event":7}');
  assertAnswer(outcome, 105, /^Event must be a string, received 7$/);
});

Deno.test("a Status that is not a valid exit status becomes 125", async () => {
  await using agent = await TestAgent.start({ config: (paths) => monitored(paths) });
  // A server in place of the monitor, with answers that the monitor would not give.
  await Deno.remove(pipeOf(agent.paths));
  for (const [status, code] of [[126, 125], [100_000, 125], [-1, 125], [125, 125]] as const) {
    const path = `${agent.paths.directory}/monitor/${status}.sock`;
    const listener = Deno.listen({ transport: "unix", path });
    using _listener = listener;
    const serving = (async () => {
      const connection = await listener.accept();
      using _connection = connection;
      await connection.read(new Uint8Array(1024));
      const text = JSON.stringify({ Status: status, StatusMessage: "" });
      await connection.write(new TextEncoder().encode(text));
    })();
    const config = `${agent.paths.directory}/${status}.json`;
    await Deno.writeTextFile(
      config,
      JSON.stringify({ command_monitor: { enabled: true, pipe_path: path } }),
    );
    const outcome = await runAgent(["command", "agent.Ping", "--config", config]);
    assertEquals([outcome.code, outcome.stderr], [code, ""]);
    await serving;
  }
});

Deno.test("command reports with status 103 why there is no answer", async () => {
  await using agent = await TestAgent.start({
    config: (paths) => monitored(paths, { enabled: false }),
  });
  assertAnswer(
    await run(agent, "agent.Ping"),
    103,
    /^command_monitor\.enabled is false \(.*config\.json\)$/,
  );
  const config = `${agent.paths.directory}/other.json`;
  await Deno.writeTextFile(config, JSON.stringify(monitored(agent.paths)));
  const outcome = await runAgent(["command", "agent.Ping", "--config", config]);
  assertAnswer(outcome, 103, /commands\.sock: the socket does not exist$/);
});

Deno.test("an invalid command line of command is one line on standard error and status 64", async (t) => {
  await using agent = await startMonitored();
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /command needs a NAME such as agent\.Ping/],
    [["agent.Ping", "{"], /the command's fields are not JSON/],
    [["agent.Ping", "[]"], /must be a JSON object/],
    [["agent.Ping", "null"], /must be a JSON object/],
    [["agent.Ping", ""], /not JSON/],
    [["agent.Ping", '{"Name":"agent.GetInfo"}'], /"Name" is already given by NAME; remove it/],
    [["agent.Ping", '{"Command":"agent.Ping"}'], /"Command" is already given by NAME; remove it/],
    [["agent.Ping", '{"command":"agent.Ping"}'], /"Command" is already given by NAME/],
    [["agent.Ping", "{}", "{}"], /unexpected argument "\{\}"/],
  ];
  for (const [words, message] of cases) {
    await t.step(words.join(" "), async () => {
      const { code, stdout, stderr } = await run(agent, ...words);
      assertEquals([code, stdout], [EXIT_USAGE, ""]);
      assertMatch(stderr, /^kvmmanager-agent: [^\n]+\n$/);
      assertMatch(stderr, message);
    });
  }
});

Deno.test("command exits with status 78 if its configuration is invalid", async () => {
  const { code } = await runAgent(["command", "agent.Ping", "--config", "/nonexistent.json"]);
  assertEquals(code, EXIT_CONFIG);
});
