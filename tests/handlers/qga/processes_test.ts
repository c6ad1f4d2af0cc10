import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Processes, type ProcessLimits } from "../../../handlers/qga/_processes.ts";
import { RpcError } from "../../../lib/base/errors.ts";
import type { Commands, RunOptions, RunResult } from "../../../lib/guest/commands.ts";
import { NO_COMMANDS } from "../../lib/guest/_memory_guest.ts";

const LIMITS: ProcessLimits = {
  running: 4,
  ended: 10,
  keptMs: 3_600_000,
  outputBytes: 1000,
  streamBytes: 200,
  inputBytes: 100,
};

const OPTIONS = {
  program: "/bin/true",
  args: [],
  workingDirectory: "/",
  env: {},
  timeoutMs: 1000,
  isCaptured: true,
};

const resultOf = (bytes: number): RunResult => ({
  code: 0,
  signal: null,
  endedBy: "itself",
  isStuck: false,
  stdout: { bytes: new Uint8Array(bytes), truncated: false },
  stderr: { bytes: new Uint8Array(0), truncated: false },
  durationMs: 1,
});

/** Programs that end when the test says so. */
class FakeCommands {
  readonly started: RunOptions[] = [];
  readonly #ends = new Map<number, (result: RunResult) => void>();
  readonly commands: Commands = {
    ...NO_COMMANDS,
    run: (options) => {
      this.started.push(options);
      const pid = this.started.length;
      const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
      this.#ends.set(pid, resolve);
      options.signal.addEventListener("abort", () => reject(options.signal.reason));
      options.onStarted?.(pid);
      return promise;
    },
  };

  /** Ends a program; resolves once the table knows. */
  async end(pid: number, outputBytes = 0): Promise<void> {
    this.#ends.get(pid)?.(resultOf(outputBytes));
    // The table hears of it some microtasks later.
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
}

Deno.test("a process is told once that it has ended", async () => {
  const fake = new FakeCommands();
  const processes = new Processes(LIMITS);
  const pid = await processes.start(fake.commands, OPTIONS);
  assertEquals(processes.take(pid), undefined);
  await fake.end(pid, 5);
  assertEquals(processes.take(pid), { result: resultOf(5) });
  assertThrows(() => processes.take(pid), RpcError, `PID ${pid} does not exist`);
});

Deno.test("10,000 programs that nobody asks about: the last ten are kept", async () => {
  const fake = new FakeCommands();
  const processes = new Processes(LIMITS);
  for (let count = 1; count <= 10_000; count++) {
    await fake.end(await processes.start(fake.commands, { ...OPTIONS, isCaptured: false }));
    assert(processes.count <= LIMITS.ended, `${processes.count} are kept`);
  }
  assertEquals(processes.take(9999), { result: resultOf(0) });
  assertThrows(() => processes.take(9000), RpcError);
});

Deno.test("a program waits for another to end when too many run", async () => {
  const fake = new FakeCommands();
  const processes = new Processes(LIMITS);
  for (let count = 0; count < LIMITS.running; count++) {
    await processes.start(fake.commands, OPTIONS);
  }
  const waiting = processes.start(fake.commands, OPTIONS);
  await fake.end(2);
  assertEquals(await waiting, 5);
  await processes.stop();
});

Deno.test("output is kept within the limit: programs get less, the oldest results go first", async () => {
  const fake = new FakeCommands();
  const processes = new Processes(LIMITS);
  for (let pid = 1; pid <= 6; pid++) {
    await processes.start(fake.commands, OPTIONS);
    await fake.end(pid, 200);
  }
  const kept = [1, 2, 3, 4, 5, 6].filter((pid) => {
    try {
      return processes.take(pid) !== undefined;
    } catch {
      return false;
    }
  });
  assertEquals(kept.at(-1), 6);
  assert(kept.length < 6, "an old result has made room");
});

Deno.test("a program that cannot be started is an error at once", async () => {
  const processes = new Processes(LIMITS);
  await assertRejects(() => processes.start(NO_COMMANDS, OPTIONS));
  assertEquals(processes.count, 0);
});

Deno.test("programs that run are ended when the agent stops", async () => {
  const fake = new FakeCommands();
  const processes = new Processes(LIMITS);
  await processes.start(fake.commands, OPTIONS);
  await processes.stop();
  assertEquals(fake.started[0]?.signal.aborted, true);
});

Deno.test("a program waits for another to end when too much input is held", async () => {
  const fake = new FakeCommands();
  const processes = new Processes(LIMITS);
  const input = (bytes: number) => ({ ...OPTIONS, input: new Uint8Array(bytes) });
  await processes.start(fake.commands, input(60));
  await processes.start(fake.commands, OPTIONS);
  const waiting = processes.start(fake.commands, input(60));
  await fake.end(1);
  assertEquals(await waiting, 3);
  await processes.stop();
});

Deno.test("one program may have more input than the limit for all", async () => {
  const fake = new FakeCommands();
  const processes = new Processes(LIMITS);
  assertEquals(await processes.start(fake.commands, { ...OPTIONS, input: new Uint8Array(200) }), 1);
  await processes.stop();
});
