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

/** Runs a handler in a monitor of its own; returns the answer and the log. */
async function run(handler: CommandHandler, bounds = BOUNDS) {
  const log = new CollectingLog();
  const monitor = new Monitor(log);
  monitor.register("agent.Test", handler);
  return { answer: await within(monitor.run(request("agent.Test"), bounds), "an answer"), log };
}

Deno.test("register() adds a handler and unregister() removes it, without any server", async () => {
  const monitor = new Monitor(new CollectingLog());
  monitor.register("agent.Test", () => OK);
  assertEquals(monitor.names, ["agent.Test"]);
  assertEquals(await monitor.run(request("agent.Test"), BOUNDS), OK);
  monitor.unregister("agent.Test");
  assertEquals((await monitor.run(request("agent.Test"), BOUNDS)).Status, 101);
  monitor.register("agent.Test", () => OK);
});

Deno.test("register() throws for a name that is taken, and keeps the first handler", async () => {
  const monitor = new Monitor(new CollectingLog());
  monitor.register("agent.Test", () => OK);
  assertThrows(
    () => monitor.register("agent.Test", () => ({ Status: 1, StatusMessage: "" })),
    Error,
    'the command "agent.Test" is already registered',
  );
  assertEquals(await monitor.run(request("agent.Test"), BOUNDS), OK);
});

Deno.test("unregister() throws for a name that is not registered", () => {
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
    const { Status, Reason } = await monitor.run(request(name), BOUNDS);
    assertEquals(Status, 101);
    assertMatch(String(Reason), /^".*" is not registered/);
    assert(String(Reason).length < 300);
  });
}

Deno.test("a handler's answer goes out as it is, with all of its members", async () => {
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
    const [line] = log.of("command handler failed");
    assertEquals([line?.level, line?.fields.name], ["error", "agent.Test"]);
    assertMatch(String(line?.fields.error), /TypeError: secret.*\n\s+at /);
  });
}

Deno.test("a handler's refusal is 105 and is not logged as a fault", async () => {
  for (const error of [new CommandError("not now"), commandFailed("not now")]) {
    const { answer, log } = await run(() => {
      throw error;
    });
    assertEquals(answer, { Status: 105, StatusMessage: "not now" });
    assertEquals(log.lines, []);
  }
});

Deno.test("a thrown value that is not an Error is 105 too", async () => {
  const { answer } = await run(() => Promise.reject("just words"));
  assertEquals(answer, { Status: 105, StatusMessage: "just words" });
});

// As text: the type checker would not let a handler return these.
const NO_ANSWERS = [
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
for (const text of NO_ANSWERS) {
  Deno.test(`a handler that returns ${text} is answered with 106, and logged`, async () => {
    await assertNoAnswer(() => JSON.parse(text));
  });
}

Deno.test("a handler that returns nothing is answered with 106, and logged", async () => {
  await assertNoAnswer(() => JSON.parse("{}").nothing);
});

async function assertNoAnswer(handler: CommandHandler): Promise<void> {
  const { answer, log } = await run(handler);
  assertEquals(answer.Status, 106);
  assertMatch(String(answer.Reason), /^the handler's result is not an answer/);
  assertEquals(log.of("command handler failed").length, 1);
}

Deno.test("a handler that never returns is aborted and answered with 105 when its time is over", async () => {
  let context: CommandContext | undefined;
  const { answer } = await run((_request, given) => {
    context = given;
    return new Promise(() => {});
  }, { timeoutSeconds: 0.05, stopping: NEVER });
  assertEquals(answer, { Status: 105, StatusMessage: "timed out after 0.05 s" });
  assertEquals(context?.signal.aborted, true);
});

Deno.test("a handler that is running when the agent stops is aborted and answered with 105", async () => {
  const stopping = new AbortController();
  const running = run(() => new Promise(() => {}), {
    timeoutSeconds: 30,
    stopping: stopping.signal,
  });
  stopping.abort(new CommandError("the agent is stopping"));
  assertEquals((await running).answer, { Status: 105, StatusMessage: "the agent is stopping" });
});

/** A signal that counts the listeners it has. */
function countedSignal() {
  const { signal } = new AbortController();
  const counted = { signal, added: 0, left: 0 };
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<AbortSignal["addEventListener"]>) => {
    counted.added += 1;
    counted.left += 1;
    Reflect.apply(addEventListener, signal, args);
  };
  signal.removeEventListener = (...args: Parameters<AbortSignal["removeEventListener"]>) => {
    counted.left -= 1;
    Reflect.apply(removeEventListener, signal, args);
  };
  return counted;
}

for (
  const [how, handler] of [
    ["answers later", () => Promise.resolve().then(() => OK)],
    ["fails later", () => Promise.reject(new CommandError("no"))],
    ["never answers", () => new Promise<never>(() => {})],
  ] as const
) {
  Deno.test(`a handler that ${how} leaves no listener on the agent's own signal`, async () => {
    const counted = countedSignal();
    await run(handler, { timeoutSeconds: 0.05, stopping: counted.signal });
    assertEquals([counted.added, counted.left], [1, 0]);
  });
}

Deno.test("a command over its rate is refused before its handler sees it, with the time to wait", async () => {
  const monitor = new Monitor(new CollectingLog());
  let calls = 0;
  const count = () => {
    calls += 1;
    return OK;
  };
  // One in 1000 s: none comes back while the test runs.
  monitor.register("agent.Test", count, { maxPerSecond: 0.001 });
  const [first, second] = [
    await monitor.run(request("agent.Test"), BOUNDS),
    await monitor.run(request("agent.Test"), BOUNDS),
  ];
  assertEquals([first.Status, second.Status, calls], [105, 105, 0]);
  assertMatch(second.StatusMessage, /^more than 0\.001 agent\.Test per second; retry in \d+ ms$/);
});

Deno.test("a command within its rate is carried out", async () => {
  const monitor = new Monitor(new CollectingLog());
  monitor.register("agent.Test", () => OK, { maxPerSecond: 1 });
  assertEquals(await monitor.run(request("agent.Test"), BOUNDS), OK);
});
