import { assert, assertEquals } from "@std/assert";
import { CommandLog } from "../../../lib/monitor/command_log.ts";
import { CollectingLog } from "../_helpers.ts";
import { until } from "../../_waiting.ts";

const OK = { Status: 0, StatusMessage: "" };
const FAILED = { Status: 105, StatusMessage: "no" };
const NOT_LOGGED = "too many commands; some were not logged";

/** A log of commands, and the lines in it. */
function commandLog() {
  const log = new CollectingLog();
  return { log, commands: new CommandLog(log) };
}

Deno.test("CommandLog writes name, status and milliseconds of a command", () => {
  const { log, commands } = commandLog();
  commands.answered("agent.Ping", OK, performance.now() - 1500);
  const [line] = log.lines;
  assertEquals([line?.level, line?.message], ["info", "command"]);
  assertEquals([line?.fields.name, line?.fields.status], ["agent.Ping", 0]);
  const ms = Number(line?.fields.ms);
  assert(ms >= 1500 && ms < 30_000, `${ms}`);
});

Deno.test("CommandLog gives a handler's reason without the refused value, and no other reason", () => {
  const { log, commands } = commandLog();
  const StatusMessage = 'Event must be a string, received "S3CR3T"';
  commands.answered("agent.SendEvent", { Status: 105, StatusMessage }, 0);
  commands.answered(undefined, { Status: 102, StatusMessage: "S3CR3T" }, 0);
  commands.answered("agent.Own", { Status: 7, StatusMessage: "S3CR3T" }, 0);
  assertEquals(log.lines.map(({ fields }) => fields.reason), [
    "Event must be a string",
    undefined,
    undefined,
  ]);
  assert(!JSON.stringify(log.lines).includes("S3CR3T"));
});

Deno.test("CommandLog cuts long names and reasons", () => {
  const { log, commands } = commandLog();
  commands.answered("n".repeat(5000), { Status: 105, StatusMessage: "r".repeat(5000) }, 0);
  assertEquals(log.lines[0]?.fields.name, "n".repeat(100));
  assertEquals(log.lines[0]?.fields.reason, "r".repeat(500));
});

Deno.test("CommandLog logs a failure even when successes have used up their rate", () => {
  const { log, commands } = commandLog();
  for (let count = 0; count < 500; count++) commands.answered("agent.Ping", OK, 0);
  commands.answered("agent.Fail", FAILED, 0);
  commands.fault("broken", { name: "agent.Break" });
  assertEquals(log.of("command").at(-1)?.fields.name, "agent.Fail");
  assertEquals(log.of("broken").map(({ level, fields }) => [level, fields.name]), [
    ["error", "agent.Break"],
  ]);
});

Deno.test("CommandLog counts what it leaves out, and each command once", async () => {
  const { log, commands } = commandLog();
  let answered = 0;
  const answer = () => {
    answered += 1;
    commands.answered("agent.Fail", FAILED, 0);
  };
  const counted = () =>
    log.of(NOT_LOGGED).reduce((sum, { fields }) => sum + Number(fields.count), 0);
  // Two counts: the second one must not contain the first.
  for (const counts of [1, 2]) {
    await until(() => {
      for (let count = 0; count < 100; count++) answer();
      return log.of(NOT_LOGGED).length >= counts;
    }, "a count");
  }
  assert(counted() + log.of("command").length <= answered, `${counted()} of ${answered}`);
});
