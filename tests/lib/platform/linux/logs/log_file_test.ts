import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { LogLines } from "../../../../../lib/guest/logs.ts";
import { LinuxFiles } from "../../../../../lib/platform/linux/files/mod.ts";
import { linkRefused } from "../../../../../lib/platform/linux/files/refusals.ts";
import { LogFileReader } from "../../../../../lib/platform/linux/logs/log_file.ts";
import { tool } from "../../../../_tool.ts";
import { until } from "../../../../_waiting.ts";
import { NEVER, rpcErrorOf, TempDirectory } from "../../../_helpers.ts";

const LIMITS = { lines: 1000, jsonBytes: 100_000 };

/** A log in a temporary directory, and a reader that keeps its cursor as a host does. */
class Followed implements AsyncDisposable {
  readonly files = new LinuxFiles();
  readonly reader = new LogFileReader(this.files);
  readonly lines: string[] = [];
  readonly gaps: string[] = [];
  cursor: string | undefined;
  written = 0;

  constructor(readonly directory: TempDirectory, readonly name = "app.log") {}

  static async make(): Promise<Followed> {
    return new Followed(await TempDirectory.make());
  }

  get path(): string {
    return this.directory.at(this.name);
  }

  get allowed() {
    return { path: this.path, root: this.directory.path };
  }

  at(suffix: string): string {
    return `${this.path}${suffix}`;
  }

  /** Appends numbered lines. */
  async write(count: number): Promise<void> {
    let text = "";
    for (let i = 0; i < count; i++) text += `line ${++this.written}\n`;
    await Deno.writeTextFile(this.path, text, { append: true });
  }

  async append(text: string): Promise<void> {
    await Deno.writeTextFile(this.path, text, { append: true });
  }

  /** Makes the log look as if nothing had written to it lately. */
  async settle(path = this.path): Promise<void> {
    const { mtime } = await Deno.stat(path);
    const earlier = (mtime?.getTime() ?? 0) / 1000 - 2;
    await Deno.utime(path, earlier, earlier);
  }

  async read(limits = LIMITS): Promise<LogLines> {
    const read = await this.reader.read(this.allowed, { cursor: this.cursor, limits }, NEVER);
    this.cursor = read.cursor;
    if (read.isContinued) this.lines.push((this.lines.pop() ?? "") + (read.lines[0] ?? ""));
    this.lines.push(...read.isContinued ? read.lines.slice(1) : read.lines);
    if (read.gap !== undefined) this.gaps.push(read.gap.reason);
    return read;
  }

  /** Reads until there is nothing left. */
  async readAll(limits = LIMITS): Promise<void> {
    for (;;) {
      const { lines, gap } = await this.read(limits);
      if (lines.length === 0 && gap === undefined) return;
    }
  }

  /** Every line so far, once, in order. */
  assertComplete(): void {
    assertEquals(this.lines, Array.from({ length: this.written }, (_, i) => `line ${i + 1}`));
    assertEquals(this.gaps, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.files[Symbol.asyncDispose]();
    await this.directory[Symbol.asyncDispose]();
  }
}

/** Renames as logrotate does, the oldest first. */
async function shift(log: Followed, keep: number): Promise<void> {
  for (let n = keep; n >= 1; n--) {
    for (const end of ["", ".gz"]) {
      await Deno.rename(log.at(`.${n}${end}`), log.at(`.${n + 1}${end}`)).catch(() => {});
    }
  }
}

const rotations: Readonly<Record<string, (log: Followed) => Promise<void>>> = {
  "renaming it": async (log) => {
    await shift(log, 20);
    await Deno.rename(log.path, log.at(".1"));
    await Deno.writeTextFile(log.path, "");
    await log.settle(log.at(".1"));
  },
  "renaming it with a date": async (log) => {
    const day = String(log.written).padStart(2, "0").slice(-2);
    await Deno.rename(log.path, log.at(`-20240101-${String(log.written).padStart(6, "0")}${day}`));
    await Deno.writeTextFile(log.path, "");
    const names = await Array.fromAsync(Deno.readDir(log.directory.path), ({ name }) => name);
    for (const name of names) if (name !== log.name) await log.settle(log.directory.at(name));
  },
  "copying and truncating it": async (log) => {
    await shift(log, 20);
    await Deno.copyFile(log.path, log.at(".1"));
    await Deno.truncate(log.path);
    await log.settle(log.at(".1"));
  },
  "renaming and compressing it": async (log) => {
    await shift(log, 20);
    await Deno.rename(log.path, log.at(".1"));
    await Deno.writeTextFile(log.path, "");
    await tool("gzip", log.at(".1"));
  },
};

for (const [how, rotate] of Object.entries(rotations)) {
  Deno.test(`a log that is rotated ten times by ${how} loses no line, read in between`, async () => {
    await using log = await Followed.make();
    await log.write(5);
    await log.read();
    for (let round = 0; round < 10; round++) {
      await log.write(3);
      if (round % 3 === 0) await log.readAll({ ...LIMITS, lines: 2 });
      await log.write(round % 4);
      await rotate(log);
      if (round % 2 === 0) await log.readAll();
      if (round % 5 !== 0) await log.write(2);
    }
    await log.write(1);
    await log.readAll();
    log.assertComplete();
  });

  Deno.test(`a log that is rotated ten times by ${how} loses no line, read only after`, async () => {
    await using log = await Followed.make();
    await log.write(5);
    await log.read();
    for (let round = 0; round < 10; round++) {
      await log.write(50);
      await rotate(log);
    }
    await log.write(1);
    await log.readAll({ ...LIMITS, lines: 70 });
    log.assertComplete();
  });
}

Deno.test("a log that began empty is followed from its first line through a rotation", async () => {
  await using log = await Followed.make();
  await Deno.writeTextFile(log.path, "");
  assertEquals((await log.read()).lines, []);
  await log.write(3);
  await rotations["copying and truncating it"]?.(log);
  await log.write(2);
  await log.readAll();
  log.assertComplete();
});

Deno.test("older files of another naming scheme are not read again when the rotation is configured anew", async () => {
  await using log = await Followed.make();
  await Deno.writeTextFile(log.at(".2"), "old\n");
  await Deno.writeTextFile(log.at(".1"), "older\n");
  for (const suffix of [".1", ".2"]) await Deno.utime(log.at(suffix), 1, 1);
  await log.write(3);
  await log.read();
  for (const date of ["20240101", "20240102"]) {
    await log.write(3);
    await log.settle();
    await Deno.rename(log.path, log.at(`-${date}`));
    await log.write(3);
    await log.read();
  }
  log.assertComplete();
});

Deno.test("a truncated log tells the gap and goes on from its new beginning", async () => {
  await using log = await Followed.make();
  await log.write(5);
  await log.read();
  await Deno.truncate(log.path);
  await log.append("after\n");
  const { lines, gap } = await log.read();
  assertEquals(lines, ["after"]);
  assertMatch(gap?.reason ?? "", /^the log was truncated/);
});

Deno.test("a log that grew beyond the cursor after it was truncated is noticed", async () => {
  await using log = await Followed.make();
  await log.write(5);
  await log.read();
  await Deno.writeTextFile(log.path, "other\n".repeat(100));
  const { lines, gap } = await log.read();
  assertEquals([lines.length, lines[0]], [100, "other"]);
  assert(gap !== undefined);
});

Deno.test("files that were removed before they were read are a gap, the newer ones are not", async () => {
  await using log = await Followed.make();
  await log.write(5);
  await log.read();
  for (let round = 0; round < 3; round++) {
    await rotations["renaming it"]?.(log);
    await log.write(2);
  }
  await Deno.remove(log.at(".3"));
  // The rest was written later, which the tests' clock must show.
  for (const suffix of [".2", ".1", ""]) {
    const later = Date.now() / 1000 + 10;
    await Deno.utime(log.at(suffix), later, later);
  }
  await log.read();
  await Deno.utime(log.at(".1"), 1, 1);
  await log.readAll();
  assertEquals(
    log.lines.slice(5),
    ["line 6", "line 7", "line 8", "line 9", "line 10", "line 11"]
      .slice(log.lines.length === 11 ? 0 : 2),
  );
  assertEquals(log.gaps.length, 1);
});

Deno.test("without a cursor the last lines are read, like tail(1)", async () => {
  await using log = await Followed.make();
  await log.write(30_000);
  await log.settle();
  for (const lines of [1, 7, 1000]) {
    log.cursor = undefined;
    const read = await log.read({ lines, jsonBytes: 100_000 });
    assertEquals(read.lines.join("\n"), await tool("tail", "-n", String(lines), log.path));
  }
  log.cursor = undefined;
  const nothing = await log.read({ lines: 0, jsonBytes: 1000 });
  assertEquals([nothing.lines, nothing.isContinued], [[], false]);
  await log.append("next\n");
  assertEquals((await log.read()).lines, ["next"]);
});

Deno.test("an unfinished line is held back while it is being written, and then cut", async () => {
  await using log = await Followed.make();
  await log.append("first\nsecond, unf");
  assertEquals((await log.read()).lines, ["first"]);
  await log.settle();
  const cut = await log.read();
  assertEquals([cut.lines, cut.isCut, cut.isContinued], [["second, unf"], true, false]);
  await log.append("inished\nthird\n");
  const rest = await log.read();
  assertEquals([rest.lines, rest.isCut, rest.isContinued], [["inished", "third"], false, true]);
});

Deno.test("the last line of a rotated file is complete, even without a newline", async () => {
  await using log = await Followed.make();
  await log.append("first\n");
  await log.read();
  await log.append("no newline");
  await rotations["renaming it"]?.(log);
  await log.append("new file\n");
  const { lines, isCut, isContinued } = await log.read();
  assertEquals([lines, isCut, isContinued], [["no newline", "new file"], false, false]);
});

Deno.test("a renamed file that is still written to is not left behind", async () => {
  await using log = await Followed.make();
  await log.write(1);
  await log.read();
  await Deno.rename(log.path, log.at(".1"));
  await Deno.writeTextFile(log.at(".1"), "line 2\n", { append: true });
  await Deno.writeTextFile(log.path, "line 4\n");
  assertEquals((await log.read()).lines, ["line 2"]);
  await Deno.writeTextFile(log.at(".1"), "line 3\n", { append: true });
  await log.settle(log.at(".1"));
  await log.read();
  log.written = 4;
  log.assertComplete();
});

Deno.test("a line of 10 MB arrives in pieces that say so", async () => {
  await using log = await Followed.make();
  const line = "0123456789abcdef".repeat(655_360);
  await log.append(`before\n${line}\nafter\n`);
  log.cursor = undefined;
  let reads = 0;
  await log.reader.read(log.allowed, { cursor: undefined, limits: LIMITS }, NEVER);
  do {
    const read = await log.read();
    reads += 1;
    assert(read.isCut === (log.lines.length === 2));
  } while (log.lines.length < 3);
  assertEquals(log.lines.map(({ length }) => length), [6, line.length, 5]);
  assertEquals(log.lines[1], line);
  assert(reads > 100);
});

Deno.test("a file that gets another name while it is opened is opened again", async () => {
  await using log = await Followed.make();
  await log.write(2);
  let refusals = 3;
  const reader = new LogFileReader({
    list: (...args) => log.files.list(...args),
    open: (path, options) =>
      refusals-- > 0 ? Promise.reject(linkRefused(path.path)) : log.files.open(path, options),
  });
  const { lines } = await reader.read(log.allowed, { cursor: undefined, limits: LIMITS }, NEVER);
  assertEquals(lines, ["line 1", "line 2"]);
});

Deno.test("what is not a text log is refused:", async (t) => {
  await using log = await Followed.make();
  const code = async () => (await rpcErrorOf(() => log.read())).code;
  await t.step("a FIFO", async () => {
    await tool("mkfifo", log.path);
    assertEquals(await code(), -32000);
    await Deno.remove(log.path);
  });
  await t.step("a directory", async () => {
    await Deno.mkdir(log.path);
    assertEquals(await code(), -32000);
    await Deno.remove(log.path);
  });
  await t.step("a symbolic link", async () => {
    await Deno.symlink("/etc/hostname", log.path);
    assertEquals(await code(), -32001);
    await Deno.remove(log.path);
  });
  await t.step("a binary file", async () => {
    await Deno.writeFile(log.path, Uint8Array.of(1, 2, 0, 3));
    assertEquals(await code(), -32000);
    await Deno.remove(log.path);
  });
  await t.step("a missing file", async () => {
    await assertRejects(() => log.read(), Deno.errors.NotFound);
  });
});

Deno.test("a link among the older files is never followed", async () => {
  await using log = await Followed.make();
  await log.write(2);
  await log.read();
  await rotations["renaming it"]?.(log);
  await Deno.symlink("/etc/passwd", log.at(".2"));
  await log.write(1);
  await log.readAll();
  log.assertComplete();
});

Deno.test("a damaged compressed file is a gap, and what follows is read", async () => {
  await using log = await Followed.make();
  await log.write(2000);
  await log.read({ ...LIMITS, lines: 10 });
  log.cursor = undefined;
  log.lines.length = 0;
  const first = await log.reader.read(log.allowed, {
    cursor: undefined,
    limits: { ...LIMITS, lines: 0 },
  }, NEVER);
  log.cursor = first.cursor;
  await log.write(2000);
  await rotations["renaming and compressing it"]?.(log);
  const bytes = await Deno.readFile(log.at(".1.gz"));
  await Deno.writeFile(log.at(".1.gz"), bytes.subarray(0, bytes.byteLength - 100));
  await log.append("new file\n");
  await log.readAll();
  assertEquals(log.lines.at(-1), "new file");
  assertEquals(log.gaps.length, 1);
});

Deno.test("change resolves when a line is written, and when the log is rotated", async () => {
  await using log = await Followed.make();
  await log.write(1);
  await log.read();
  for (const act of [() => log.write(1), () => rotations["renaming it"]?.(log)]) {
    let isChanged = false;
    const changed = log.reader.change(log.allowed, log.cursor ?? "", NEVER)
      .then(() => isChanged = true);
    await act();
    // An empty new file brings nothing yet.
    await log.write(1);
    await until(() => isChanged, "the change");
    await changed;
    await log.readAll();
  }
  log.assertComplete();
});

Deno.test("change ends when it is aborted", async () => {
  await using log = await Followed.make();
  await log.write(1);
  await log.read();
  const controller = new AbortController();
  let opened = 0;
  const reader = new LogFileReader({
    list: (...list) => log.files.list(...list),
    open: async (...open) => {
      const file = await log.files.open(...open);
      opened += 1;
      return file;
    },
  });
  const changed = reader.change(log.allowed, log.cursor ?? "", controller.signal);
  await until(() => opened >= 3, "the reader to wait");
  controller.abort();
  await changed;
});
