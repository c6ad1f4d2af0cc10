import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ReloadReport } from "../../../lib/config/changes.ts";
import { registerBuiltins } from "../../../lib/monitor/builtin/mod.ts";
import { readCommand } from "../../../lib/monitor/command_request.ts";
import { Monitor } from "../../../lib/monitor/monitor.ts";
import { CollectingLog, NEVER } from "../_helpers.ts";

const REPORT: ReloadReport = { source: "x", changed: [], needRestart: [], refusedByDeno: [] };

/** A monitor with the agent's own commands, and what they did. */
class Builtins {
  readonly events: unknown[] = [];
  reloads = 0;
  refused = 0;
  readonly #monitor = new Monitor(new CollectingLog());

  constructor() {
    registerBuiltins(this.#monitor, {
      isConfined: true,
      channelName: "test",
      host: { isOpen: true, receivedBytes: 1, sentBytes: 2 },
      counters: { methods: new Map(), rejected: 0, malformed: 0 },
      inFlight: () => 0,
      sendEvent: (event) => Promise.resolve(this.events.push(event)),
      eventRefused: () => this.refused += 1,
      reload: () => {
        this.reloads += 1;
        return Promise.resolve(REPORT);
      },
    });
  }

  send = (fields: Readonly<Record<string, unknown>>) =>
    this.#monitor.run(readCommand(JSON.stringify(fields)), {
      timeoutSeconds: 30,
      stopping: NEVER,
    });

  /** Sends the same command until one is over its rate; the others are returned. */
  async sendUntilOverRate(fields: Readonly<Record<string, unknown>>) {
    const answers = [];
    while (answers.length < 1_000) {
      const answer = await this.send(fields);
      if (/^more than [12]0 .* per second; retry in /.test(answer.StatusMessage)) return answers;
      answers.push(answer);
    }
    throw new Error(`${answers.length} commands in a row were not over the rate`);
  }
}

Deno.test("wrong events count for the rate of agent.SendEvent, which is checked first", async () => {
  const builtins = new Builtins();
  const wrong = Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`wrong${at}`, 1]));
  const checked = await builtins.sendUntilOverRate({ Name: "agent.SendEvent", ...wrong });
  assert(checked.length >= 20);
  assertEquals(builtins.refused, 1);
  for (const { StatusMessage } of checked) assertMatch(StatusMessage, /; and 88\d more$/);
  assertEquals(builtins.events, []);
});

Deno.test("agent.ReloadConfig over its rate reloads nothing", async () => {
  const builtins = new Builtins();
  const done = await builtins.sendUntilOverRate({ Command: "agent.ReloadConfig" });
  assert(done.length >= 10);
  assertEquals(builtins.reloads, done.length);
});

Deno.test("agent.Ping has no rate", async () => {
  const builtins = new Builtins();
  for (let round = 0; round < 100; round++) {
    assertEquals((await builtins.send({ command: "agent.Ping" })).Status, 0);
  }
});
