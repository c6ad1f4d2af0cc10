import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Monitor } from "../../../lib/monitor/monitor.ts";
import { commandFailed } from "../../../lib/base/errors.ts";
import {
  type CommandContext,
  CommandError,
  type CommandHandler,
} from "../../../lib/monitor/monitor.ts";
import { CollectingLog, NEVER } from "../_helpers.ts";
import { within } from "../../_waiting.ts";

const OK = { Status: 0, StatusMessage: "" };
const BOUNDS = { timeoutSeconds: 30, stopping: NEVER };
const request = (name: string) => ({ name, fields: { Name: name }, text: `{"Name":"${name}"}` });

/** A monitor with one handler, and what came of running it. */
async function run(handler: CommandHandler, bounds = BOUNDS) {
  const log = new CollectingLog();
  const monitor = new Monitor(log);
  monitor.register("agent.Test", handler);
  return { answer: await within(monitor.run(request("agent.Test"), bounds), "an answer"), log };
}

Deno.test("register() makes a handler known, unregister() takes it away, without any server", async () => {
  const monitor = new Monitor(new CollectingLog());
  monitor.register("agent.Test", () => OK);
  assertEquals(monitor.names, ["agent.Test"]);
  assertEquals(await monitor.run(request("agent.Test"), BOUNDS), OK);
  monitor.unregister("agent.Test");
  assertEquals((await monitor.run(request("agent.Test"), BOUNDS)).Status, 101);
  monitor.register("agent.Test", () => OK);
});

Deno.test("register() throws for a name that is taken, and keeps who has it", async () => {
  const monitor = new Monitor(new CollectingLog());
  monitor.register("agent.Test", () => OK);
  assertThrows(
    () => monitor.register("agent.Test", () => ({ Status: 1, StatusMessage: "" })),
    Error,
    'the command "agent.Test" is registered already',
  );
  assertEquals(await monitor.run(request("agent.Test"), BOUNDS), OK);
});

Deno.test("unregister() throws for a name that nobody has", () => {
  const monitor = new Monitor(new CollectingLog());
  assertThrows(() => monitor.unregister("agent.Test"), Error, 'no command "agent.Test"');
});

for (
  const name of [
    "",
    "Ping",
    "agent.",
    "agent.ping",
    "agent.Do It",
    "agent.A.B",
    "other.Ping",
    "__proto__",
  ]
) {
  Deno.test(`register() throws for the name "${name}"`, () => {
    const monitor = new Monitor(new CollectingLog());
    assertThrows(() => monitor.register(name, () => OK), TypeError, "agent.PascalCase");
  });
}

for (const name of ["agent.Nothing", "toString", "__proto__", "constructor", "x".repeat(5000)]) {
  Deno.test(`${name.slice(0, 20)} without a handler is answered with 101`, async () => {
    const monitor = new Monitor(new CollectingLog());
    monitor.register("agent.Test", () => OK);
    const { Status, StatusMessage } = await monitor.run(request(name), BOUNDS);
    assertEquals(Status, 101);
    assertMatch(StatusMessage, /^No handler for this command: ".*" is not registered/);
    assert(StatusMessage.length < 300);
  });
}

Deno.test("a handler's answer goes out as it is, what it carries beside included", async () => {
  const answer = { Status: 7, StatusMessage: "Failure message", More: { a: [1, null] } };
  assertEquals((await run(() => answer)).answer, answer);
  assertEquals((await run(() => Promise.resolve(answer))).answer, answer);
});

for (
  const [how, handler] of [
    ["at once", () => {
      throw new TypeError("secret.ts is broken");
    }],
    ["later", () => Promise.reject(new TypeError("secret.ts is broken"))],
  ] as const
) {
  Deno.test(`a handler that throws ${how} is answered with 105 and its message, the stack is logged`, async () => {
    const { answer, log } = await run(handler);
    assertEquals(answer, { Status: 105, StatusMessage: "secret.ts is broken" });
    const [line] = log.of("a command's handler failed");
    assertEquals([line?.level, line?.fields.name], ["error", "agent.Test"]);
    assertMatch(String(line?.fields.error), /TypeError: secret.*\n\s+at /);
  });
}

Deno.test("a refusal of a handler's is 105 and no fault", async () => {
  for (const error of [new CommandError("not now"), commandFailed("not now")]) {
    const { answer, log } = await run(() => {
      throw error;
    });
    assertEquals(answer, { Status: 105, StatusMessage: "not now" });
    assertEquals(log.lines, []);
  }
});

Deno.test("what is thrown and is no error is 105 too", async () => {
  const { answer } = await run(() => Promise.reject("just words"));
  assertEquals(answer, { Status: 105, StatusMessage: "just words" });
});

// As text: only what escapes the type checker is returned like this.
const NONSENSE = [
  "null",
  "0",
  '"ok"',
  "[]",
  "{}",
  '{"Status":0}',
  '{"StatusMessage":""}',
  '{"Status":"0","StatusMessage":""}',
  '{"Status":0.5,"StatusMessage":""}',
  '{"Status":1e999,"StatusMessage":""}',
  '{"Status":0,"StatusMessage":null}',
];
for (const text of NONSENSE) {
  Deno.test(`a handler that returns ${text} is answered with 106, and logged`, async () => {
    await assertNonsense(() => JSON.parse(text));
  });
}

Deno.test("a handler that returns nothing is answered with 106, and logged", async () => {
  await assertNonsense(() => JSON.parse("{}").nothing);
});

async function assertNonsense(handler: CommandHandler): Promise<void> {
  const { answer, log } = await run(handler);
  assertEquals(answer.Status, 106);
  assertMatch(answer.StatusMessage, /^Internal error: the handler's result is no answer/);
  assertEquals(log.of("a command's handler failed").length, 1);
}

Deno.test("a handler that never returns is aborted and answered with 105 when its time is over", async () => {
  let context: CommandContext | undefined;
  const { answer } = await run((_request, given) => {
    context = given;
    return new Promise(() => {});
  }, { timeoutSeconds: 0.05, stopping: NEVER });
  assertEquals(answer, { Status: 105, StatusMessage: "not done within 0.05 s" });
  assertEquals(context?.signal.aborted, true);
});

Deno.test("a handler that is under way when the agent stops is aborted and answered with 105", async () => {
  const stopping = new AbortController();
  const running = run(() => new Promise(() => {}), {
    timeoutSeconds: 30,
    stopping: stopping.signal,
  });
  stopping.abort(new CommandError("the agent is stopping"));
  assertEquals((await running).answer, { Status: 105, StatusMessage: "the agent is stopping" });
});
