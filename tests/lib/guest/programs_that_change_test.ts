import { assertEquals, assertRejects } from "@std/assert";
import type {
  CommandEnd,
  RunOptions,
  RunResult,
  StartedCommand,
  StartOptions,
} from "../../../lib/guest/commands.ts";
import { KeptReports } from "../../../lib/guest/kept_reports.ts";
import { programsThatChange } from "../../../lib/guest/programs_that_change.ts";
import { NEVER } from "../_helpers.ts";

const RUN: RunOptions = {
  program: "/bin/true",
  args: [],
  workingDirectory: "/",
  env: {},
  maxOutputBytes: 0,
  timeoutMs: 1000,
  signal: NEVER,
};
const START: StartOptions = { ...RUN, onOutput: () => Promise.resolve() };

/** Programs that end, or cannot be started, when the test says so. */
function programs() {
  const run = Promise.withResolvers<RunResult>();
  const start = Promise.withResolvers<StartedCommand>();
  const reports = new KeptReports();
  const starters = programsThatChange(reports, {
    run: () => run.promise,
    start: () => start.promise,
  });
  return { run, start, reports, starters, isKept: () => reports.era !== undefined };
}

const OUTPUT = { bytes: new Uint8Array(0), truncated: false };
const END = { code: 0, signal: null, endedBy: "itself", isStuck: false } as const;

Deno.test("nothing is kept while a program runs", async () => {
  const { run, starters, reports, isKept } = programs();
  const before = reports.era;
  const running = starters.run(RUN);
  assertEquals(isKept(), false);
  run.resolve({ ...END, stdout: OUTPUT, stderr: OUTPUT, durationMs: 1 });
  await running;
  assertEquals([isKept(), reports.era === before], [true, false]);
});

Deno.test("reports are kept again after a program could not be run", async () => {
  const { run, starters, isKept } = programs();
  const running = starters.run(RUN);
  run.reject(new Error("not found"));
  await assertRejects(() => running, Error, "not found");
  assertEquals(isKept(), true);
});

Deno.test("nothing is kept from a program's start to its end", async () => {
  const { start, starters, isKept } = programs();
  const ended = Promise.withResolvers<CommandEnd>();
  const starting = starters.start(START);
  assertEquals(isKept(), false);
  const nothing = () => Promise.resolve();
  start.resolve({
    pid: 1,
    ended: ended.promise,
    write: nothing,
    closeInput: nothing,
    signal: nothing,
    resize: nothing,
  });
  const command = await starting;
  assertEquals(isKept(), false);
  ended.resolve(END);
  await command.ended;
  assertEquals(isKept(), true);
});

Deno.test("reports are kept again after a program could not be started", async () => {
  const { start, starters, isKept } = programs();
  const starting = starters.start(START);
  start.reject(new Error("not found"));
  await assertRejects(() => starting, Error, "not found");
  assertEquals(isKept(), true);
});
