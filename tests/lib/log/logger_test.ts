import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { LOG_LEVELS, type LogLevel } from "../../../lib/config/schema.ts";
import { Logger, type LogTarget, NO_LOG } from "../../../lib/log/logger.ts";
import { TempDirectory } from "../_helpers.ts";
import { within } from "../../_waiting.ts";
import { runTestScript } from "../../_deno.ts";

const Line = z.looseObject({ time: z.string(), level: z.enum(LOG_LEVELS), message: z.string() });

/** The lines of a log, each checked to be one. */
function linesOf(text: string) {
  assert(text === "" || text.endsWith("\n"), "the last line has an end");
  return text.split("\n").slice(0, -1).map((line) => z.parse(Line, JSON.parse(line)));
}

const messagesOf = (text: string) => linesOf(text).map(({ message }) => message);

/** A target in memory that can fail, take little at a time, and stall. */
class FakeTarget implements LogTarget {
  writes = 0;
  failures = 0;
  mostBytes = Infinity;
  isClosed = false;
  isFailing = false;
  #written: Uint8Array[] = [];
  #gate: Promise<void> = Promise.resolve();
  #openGate = () => {};

  block(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    this.#openGate = resolve;
  }

  unblock(): void {
    this.#openGate();
  }

  async write(bytes: Uint8Array): Promise<number> {
    await this.#gate;
    this.writes += 1;
    if (this.isFailing) {
      this.failures += 1;
      throw new Error("No space left on device (os error 28)");
    }
    const part = bytes.slice(0, this.mostBytes);
    this.#written.push(part);
    return part.byteLength;
  }

  close(): void {
    this.isClosed = true;
  }

  get text(): string {
    return this.#written.map((part) => new TextDecoder().decode(part)).join("");
  }
}

const MISSING = "could not write the log; lines are missing";

Deno.test("a log line is one JSON object with time, level, message and fields", async () => {
  const target = new FakeTarget();
  const log = Logger.to(target, "info");
  log.info("with\na newline", { path: "/tmp/ü", code: -32001, list: [1], nothing: undefined });
  await log.flush();
  assertEquals(target.text.split("\n").length, 2);
  const [line] = linesOf(target.text);
  assert(line !== undefined);
  const { time, ...rest } = line;
  assertMatch(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals(rest, {
    level: "info",
    message: "with\na newline",
    path: "/tmp/ü",
    code: -32001,
    list: [1],
  });
});

Deno.test("a log writes its own level and all more severe ones", async () => {
  const expected: [LogLevel, LogLevel[]][] = [
    ["error", ["error"]],
    ["warn", ["error", "warn"]],
    ["info", ["error", "warn", "info"]],
    ["debug", ["error", "warn", "info", "debug"]],
    ["trace", ["error", "warn", "info", "debug", "trace"]],
  ];
  for (const [level, written] of expected) {
    const target = new FakeTarget();
    const log = Logger.to(target, level);
    for (const each of LOG_LEVELS) log[each](each);
    await log.flush();
    assertEquals(linesOf(target.text).map((line) => line.level), written);
    assertEquals(messagesOf(target.text), written);
  }
});

Deno.test("log lines of one turn are written together, in order", async () => {
  const target = new FakeTarget();
  const log = Logger.to(target, "info");
  for (let i = 0; i < 100; i++) log.info(`${i}`);
  await log.flush();
  assertEquals(target.writes, 1);
  assertEquals(messagesOf(target.text), Array.from({ length: 100 }, (_, i) => `${i}`));
});

Deno.test("a log writes a line completely, however little one write takes", async () => {
  const target = new FakeTarget();
  target.mostBytes = 7;
  const log = Logger.to(target, "info");
  log.info("first");
  log.info("second");
  await log.flush();
  assertEquals(messagesOf(target.text), ["first", "second"]);
});

Deno.test("a log whose target is stalled keeps a bounded queue and says how many lines are missing", async () => {
  const target = new FakeTarget();
  target.block();
  const log = Logger.to(target, "info");
  const count = 20_000;
  const text = "x".repeat(1000);
  for (let i = 0; i < count; i++) {
    log.info(text, { i });
    // The first lines are on their way, where they count no more as waiting.
    if (i === 10) await Promise.resolve();
  }
  target.unblock();
  await within(log.flush(), "the queue");
  assert(target.text.length < 600 * 1024, `${target.text.length} characters were kept`);
  const lines = linesOf(target.text);
  const last = lines.at(-1);
  assertEquals([last?.level, last?.message], ["warn", MISSING]);
  assertEquals(last?.lines, count - (lines.length - 1));
  assertEquals(lines.slice(0, -1).map(({ i }) => i), lines.slice(0, -1).map((_, i) => i));

  log.info("afterwards");
  await log.flush();
  assertEquals(messagesOf(target.text).at(-1), "afterwards");
  assertEquals(messagesOf(target.text).filter((message) => message === MISSING).length, 1);
});

Deno.test("a log whose target fails goes on, and says how many lines are missing", async () => {
  const target = new FakeTarget();
  target.isFailing = true;
  const log = Logger.to(target, "info");
  for (const message of ["one", "two", "three"]) log.info(message);
  await within(log.flush(), "the failure");
  log.info("four");
  await within(log.flush(), "the failure");
  target.isFailing = false;
  log.info("five");
  await log.flush();
  const lines = linesOf(target.text);
  assertEquals(lines.map(({ message }) => message), ["five", MISSING]);
  assertEquals(lines[1]?.lines, 4);
});

Deno.test("a log whose target never works again does not grow and does not spin", async () => {
  const target = new FakeTarget();
  target.isFailing = true;
  const log = Logger.to(target, "info");
  for (let i = 0; i < 1000; i++) {
    log.info("x".repeat(1000));
    await log.flush();
  }
  assert(target.failures <= 1000, `${target.failures} tries`);
  target.isFailing = false;
  log.info("works");
  await log.flush();
  assertEquals(messagesOf(target.text), ["works", MISSING]);
});

Deno.test("log lines that arrive while a write fails are written by flush()", async () => {
  const target = new FakeTarget();
  target.block();
  target.isFailing = true;
  const log = Logger.to(target, "info");
  log.info("lost");
  for (let i = 0; i < 10; i++) await Promise.resolve();
  log.info("meanwhile");
  const flushed = log.flush();
  target.unblock();
  while (target.failures === 0) await Promise.resolve();
  target.isFailing = false;
  await within(flushed, "flush");
  assertEquals(messagesOf(target.text).includes("meanwhile"), true);
});

Deno.test("a field without JSON form does not make logging fail", async () => {
  const target = new FakeTarget();
  const log = Logger.to(target, "info");
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  log.info("cycle", { cycle });
  log.info("big", { big: 1n });
  log.info("next");
  await log.flush();
  assertEquals(messagesOf(target.text).at(-1), "next");
});

/** Runs the steps with a log on a file; what it wrote to standard error instead. */
async function logTo(path: string, ...steps: string[]): Promise<string> {
  const { code, stdout, stderr } = await runTestScript("lib/log/_log_to.ts", {
    args: [path, ...steps],
  });
  assertEquals([code, stdout], [0, ""], stderr);
  return stderr;
}

Deno.test("a log file is appended to, and only its owner and group can read it", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("agent.log");
  for (const message of ["first start", "second start"]) {
    assertEquals(await logTo(path, `log=${message}`), "");
  }
  assertEquals(messagesOf(await Deno.readTextFile(path)), ["first start", "second start"]);
  assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o640);
});

Deno.test("a log file is reopened after it was moved, and no line is lost", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("agent.log");
  const count = 500;
  await logTo(
    path,
    ...["log=before", "flush", `move=${path}.1`, "log=moved"],
    ...[`reopen-while-logging=${count}`, "log=after"],
  );
  const old = messagesOf(await Deno.readTextFile(`${path}.1`));
  const fresh = messagesOf(await Deno.readTextFile(path));
  assertEquals(old.slice(0, 2), ["before", "moved"]);
  assertEquals(fresh.at(-1), "after");
  assert(fresh.includes("log file reopened"), String(fresh));
  const meanwhile = [...old, ...fresh].filter((message) => message.startsWith("while"));
  assertEquals(meanwhile, Array.from({ length: count }, (_, i) => `while ${i}`));
});

Deno.test("a log that cannot be reopened keeps its old file and says so", async () => {
  await using directory = await TempDirectory.make();
  await directory.directory("logs");
  const path = directory.at("logs/agent.log");
  const kept = directory.at("kept.log");
  const stderr = await logTo(
    path,
    ...["log=before", "flush", `move=${kept}`, `lose=${directory.at("logs")}`],
    ...["reopen", "log=after"],
  );
  assertEquals(stderr, "");
  assertEquals(messagesOf(await Deno.readTextFile(kept)), [
    "before",
    "cannot reopen the log file; the old one stays in use",
    "after",
  ]);
});

for (
  const [what, name] of [
    ["in a directory that is missing", "missing/agent.log"],
    ["that is a directory", ""],
    ["below a file", "file/agent.log"],
  ] as const
) {
  Deno.test(`a log file ${what} is replaced by standard error, which says so`, async () => {
    await using directory = await TempDirectory.make();
    await directory.file("file", "");
    const path = directory.at(name);
    const stderr = await logTo(path, "log=first", "reopen", "log=second");
    const [warning, ...lines] = linesOf(stderr);
    assertEquals([warning?.level, warning?.log_file], ["warn", path]);
    assert(typeof warning?.error === "string" && warning.error !== "");
    assertEquals(lines.map(({ message }) => message), ["first", "second"]);
  });
}

Deno.test("NO_LOG accepts everything", () => {
  for (const level of LOG_LEVELS) NO_LOG[level]("message", { field: 1 });
});

Deno.test("a new level holds from the next line on", async () => {
  const written: string[] = [];
  const log = Logger.to({
    write: (bytes) => {
      written.push(new TextDecoder().decode(bytes));
      return Promise.resolve(bytes.byteLength);
    },
    close: () => {},
  }, "info");
  log.debug("first");
  log.level = "debug";
  log.debug("second");
  log.level = "error";
  log.warn("third");
  await log.flush();
  assertEquals(linesOf(written.join("")).map(({ message }) => message), ["second"]);
});

Deno.test("a log line carries no control or format characters, and parses to what was given", async () => {
  const target = new FakeTarget();
  const log = Logger.to(target, "info");
  const path = "/tmp/\u009b31m\u007f\u202egnp.exe";
  log.info(path, { path });
  await log.flush();
  assert(!/[\u007f-\u009f\u202e]/.test(target.text), JSON.stringify(target.text));
  assertEquals(linesOf(target.text)[0]?.path, path);
});

Deno.test("a held log keeps its lines and writes them afterwards, in their order", async () => {
  const target = new FakeTarget();
  const log = Logger.to(target, "info");
  log.isHeld = true;
  log.info("one");
  log.info("two");
  await log.flush();
  assertEquals(target.writes, 0);
  log.isHeld = false;
  log.info("three");
  await log.flush();
  assertEquals(messagesOf(target.text), ["one", "two", "three"]);
});

Deno.test("a held log is bounded: it says how many lines are missing", async () => {
  const target = new FakeTarget();
  const log = Logger.to(target, "info");
  log.isHeld = true;
  for (let count = 0; count < 10_000; count++) log.info("x".repeat(100));
  log.isHeld = false;
  await log.flush();
  assertEquals(messagesOf(target.text).at(-1), MISSING);
});
