import { assert, assertEquals, assertMatch } from "@std/assert";
import type { JournalSource } from "../../../../../lib/guest/logs.ts";
import { Journal } from "../../../../../lib/platform/linux/logs/journal.ts";
import { NEVER, rpcErrorOf, TempDirectory } from "../../../_helpers.ts";
import { until } from "../../../../_waiting.ts";

const SSH: JournalSource = { kind: "unit", unit: "ssh.service" };
const LIMITS = { lines: 100, jsonBytes: 50_000 };

/** The journal's own cursor of an entry. */
const cursorOf = (n: number) => `s=abc;i=${n.toString(16)};b=def;m=1;t=${n};x=1`;

/** What journalctl prints for an entry. */
const printed = (n: number, fields: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({
    __CURSOR: cursorOf(n),
    __REALTIME_TIMESTAMP: String(1_700_000_000_000_000 + n),
    MESSAGE: `message ${n}`,
    PRIORITY: "6",
    _SYSTEMD_UNIT: "ssh.service",
    SYSLOG_IDENTIFIER: "sshd",
    _PID: "12",
    ...fields,
  });

/** A program that stands in for journalctl: it prints files, and keeps its arguments. */
class FakeJournalctl implements AsyncDisposable {
  readonly journal: Journal;

  private constructor(readonly directory: TempDirectory) {
    this.journal = new Journal({ directories: [directory.path] });
  }

  static async make(): Promise<FakeJournalctl> {
    const fake = new FakeJournalctl(await TempDirectory.make());
    const at = fake.directory.at("");
    await fake.prints([]);
    await fake.directory.file("stderr", "");
    await fake.directory.file("status", "0");
    const script = await fake.directory.file(
      "journalctl",
      `#!/bin/sh
for word; do printf '%s\\n' "$word"; done > '${at}arguments'
cat '${at}stdout'
cat '${at}stderr' >&2
[ "$1" = --follow ] && exec sleep 60
read -r status < '${at}status'
exit "$status"
`,
    );
    await Deno.chmod(script, 0o755);
    return fake;
  }

  async prints(lines: readonly string[]): Promise<void> {
    await this.directory.file("stdout", lines.map((line) => `${line}\n`).join(""));
  }

  async fails(status: number, message: string): Promise<void> {
    await this.directory.file("stderr", message);
    await this.directory.file("status", `${status}\n`);
  }

  async arguments(): Promise<string[]> {
    const text = await Deno.readTextFile(this.directory.at("arguments"));
    return text.trimEnd().split("\n").slice(4);
  }

  async read(cursor?: string, more: { since?: number; lines?: number } = {}) {
    const limits = { ...LIMITS, lines: more.lines ?? LIMITS.lines };
    return await this.journal.read(SSH, { cursor, since: more.since, limits }, NEVER);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.directory[Symbol.asyncDispose]();
  }
}

Deno.test("the journal's entries have time, priority, unit, identifier, pid and message", async () => {
  await using fake = await FakeJournalctl.make();
  await fake.prints([
    printed(1),
    printed(2, { UNIT: "cron.service", MESSAGE: [104, 195, 164, 255], PRIORITY: undefined }),
    printed(3, { MESSAGE: null, _PID: ["7", "8"] }),
    "not JSON",
  ]);
  const { entries } = await fake.read();
  assertEquals(entries, [
    {
      time: 1_700_000_000.000001,
      priority: 6,
      unit: "ssh.service",
      identifier: "sshd",
      pid: 12,
      message: "message 1",
    },
    {
      time: 1_700_000_000.000002,
      unit: "cron.service",
      identifier: "sshd",
      pid: 12,
      message: "hä\ufffd",
    },
    {
      time: 1_700_000_000.000003,
      priority: 6,
      unit: "ssh.service",
      identifier: "sshd",
      pid: 7,
      message: "",
    },
  ]);
});

Deno.test("the journal is asked for the unit and the last lines, the cursor, or the time", async () => {
  await using fake = await FakeJournalctl.make();
  await fake.prints([printed(1)]);
  const { cursor } = await fake.read(undefined, { lines: 5 });
  assertEquals(await fake.arguments(), ["--unit=ssh.service", "--lines=5"]);
  await fake.read(cursor);
  assertEquals(await fake.arguments(), ["--unit=ssh.service", `--cursor=${cursorOf(1)}`]);
  await fake.read(undefined, { since: 1.5 });
  assertEquals(await fake.arguments(), ["--unit=ssh.service", "--since=@1.500000"]);
  await fake.journal.read({ kernel: true, kind: "kernel" } as JournalSource, {
    cursor: undefined,
    since: undefined,
    limits: LIMITS,
  }, NEVER);
  assertEquals((await fake.arguments())[0], "_TRANSPORT=kernel");
});

Deno.test("the journal's cursor continues after its entry", async () => {
  await using fake = await FakeJournalctl.make();
  await fake.prints([printed(1), printed(2)]);
  const { cursor } = await fake.read(undefined, { lines: 1 });
  const { entries, gap, cursor: next } = await fake.read(cursor);
  assertEquals([entries.map(({ message }) => message), gap], [["message 2"], undefined]);
  await fake.prints([printed(2)]);
  const nothing = await fake.read(next);
  assertEquals([nothing.entries, nothing.cursor], [[], next]);
});

Deno.test("the journal's gap tells how many entries are gone at most", async () => {
  await using fake = await FakeJournalctl.make();
  await fake.prints([printed(1)]);
  const { cursor } = await fake.read();
  await fake.prints([printed(10)]);
  const { entries, gap } = await fake.read(cursor);
  assertEquals([entries.length, gap?.atMostEntries], [1, 8]);
});

Deno.test("an empty journal has a cursor of its time, from which a first entry is read", async () => {
  await using fake = await FakeJournalctl.make();
  await fake.fails(1, "-- No journal files were found. --\n");
  const before = Date.now() / 1000;
  const { entries, cursor } = await fake.read();
  assertEquals(entries, []);
  await fake.fails(0, "");
  await fake.prints([printed(1)]);
  assertEquals((await fake.read(cursor)).entries.length, 1);
  const since = Number((await fake.arguments())[1]?.slice("--since=@".length));
  assert(since >= Math.floor(before) && since < before + 60);
});

Deno.test("entries stop at the bytes of an answer, and a long message is cut", async () => {
  await using fake = await FakeJournalctl.make();
  const long = "x".repeat(100_000);
  await fake.prints([printed(1), printed(2, { MESSAGE: long }), printed(3)]);
  const first = await fake.read();
  assertEquals(first.entries.map(({ message }) => message), ["message 1"]);
  await fake.prints([printed(1), printed(2, { MESSAGE: long }), printed(3)]);
  const second = await fake.read(first.cursor);
  assertEquals([second.entries.length, second.entries[0]?.cut], [1, true]);
  const length = second.entries[0]?.message.length ?? 0;
  assert(length > 40_000 && length < 50_000);
  await fake.prints([printed(2, { MESSAGE: long }), printed(3)]);
  assertEquals((await fake.read(second.cursor)).entries.map(({ message }) => message), [
    "message 3",
  ]);
});

Deno.test("a message of 10 MB is read up to its beginning, and what follows is read", async () => {
  await using fake = await FakeJournalctl.make();
  await fake.prints([printed(1, { MESSAGE: "x".repeat(10_000_000) }), printed(2)]);
  const first = await fake.read(undefined, { lines: 1 });
  assertEquals(first.entries[0]?.cut, true);
  assertMatch(first.entries[0]?.message ?? "", /^x{1000}/);
  const second = await fake.read(first.cursor);
  assertEquals(second.entries.map(({ message }) => message), ["message 2"]);
  // journalctl prints the fields in any order.
  const backwards = Object.fromEntries(
    Object.entries(JSON.parse(printed(3, { MESSAGE: "y".repeat(10_000_000) }))).reverse(),
  );
  await fake.prints([JSON.stringify(backwards)]);
  const third = await fake.read();
  assertEquals([third.entries.length, third.entries[0]?.cut], [1, true]);
});

Deno.test("a journal that the agent's user may not read is refused, naming the group", async () => {
  await using fake = await FakeJournalctl.make();
  for (
    const message of [
      "No journal files were opened due to insufficient permissions.\n",
      "Hint: You are currently not seeing messages from other users and the system.\n" +
      "      Users in groups 'adm', 'systemd-journal' can see all messages.\n",
    ]
  ) {
    await fake.fails(1, message);
    const error = await rpcErrorOf(() => fake.read());
    assertEquals(error.code, -32001);
    assertMatch(error.message, /add it to the group systemd-journal and restart the agent$/);
  }
});

Deno.test("a journal that cannot be read is -32000 with journalctl's own reason", async () => {
  await using fake = await FakeJournalctl.make();
  await fake.fails(1, "Failed to open journal: Bad message\n");
  const error = await rpcErrorOf(() => fake.read());
  assertEquals([error.code, error.message], [
    -32000,
    "the journal cannot be read: Failed to open journal: Bad message",
  ]);
});

Deno.test("a guest without journalctl says so with -32000", async () => {
  await using empty = await TempDirectory.make();
  const journal = new Journal({ directories: [empty.path] });
  const position = { cursor: undefined, since: undefined, limits: LIMITS };
  const error = await rpcErrorOf(() => journal.read(SSH, position, NEVER));
  assertEquals(error.code, -32000);
  assertMatch(error.message, /^this guest has no journalctl/);
  assertEquals(await journal.units(10, NEVER), undefined);
});

Deno.test("a unit that journalctl would misread is refused with -32602:", async (t) => {
  await using fake = await FakeJournalctl.make();
  const position = { cursor: undefined, since: undefined, limits: LIMITS };
  const bad = ["-x", "--file=/etc/shadow", "../x", "/x", "*", "a?", "[a]", "", ".", "..", "a b"];
  for (const unit of [...bad, "a\nb", "a\0", "x".repeat(256)]) {
    await t.step(JSON.stringify(unit.slice(0, 20)), async () => {
      const source = { kind: "unit", unit } as const;
      assertEquals(
        (await rpcErrorOf(() => fake.journal.read(source, position, NEVER))).code,
        -32602,
      );
    });
  }
  for (const unit of ["ssh", "getty@tty1.service", "dev-disk-by\\x2duuid.device", "a:b_c.d-e"]) {
    await t.step(`${unit} is allowed`, async () => {
      await fake.journal.read({ kind: "unit", unit }, position, NEVER);
    });
  }
});

Deno.test("a cursor that is not one of this unit is refused with -32602:", async (t) => {
  await using fake = await FakeJournalctl.make();
  await fake.prints([printed(1)]);
  const { cursor } = await fake.read();
  const other = await fake.journal.read({ kind: "unit", unit: "cron.service" }, {
    cursor: undefined,
    since: undefined,
    limits: LIMITS,
  }, NEVER);
  const bad = [other.cursor, "", "x", `${cursor} --file=/x`, cursor.replace("s=", "../"), "f1.x"];
  for (const text of [...bad, "j".repeat(1024 * 1024)]) {
    await t.step(text.slice(0, 30), async () => {
      assertEquals((await rpcErrorOf(() => fake.read(text))).code, -32602);
    });
  }
});

Deno.test("change resolves with the first entry after the cursor's", async () => {
  await using fake = await FakeJournalctl.make();
  await fake.prints([printed(1)]);
  const { cursor } = await fake.read();
  await fake.prints([printed(1), printed(2)]);
  await fake.journal.change(SSH, cursor, NEVER);
});

Deno.test("change ends its process when it is aborted", async () => {
  await using fake = await FakeJournalctl.make();
  await fake.prints([printed(1)]);
  const { cursor } = await fake.read();
  await Deno.remove(fake.directory.at("arguments"));
  const controller = new AbortController();
  const changed = fake.journal.change(SSH, cursor, controller.signal);
  await until(async () => (await fake.arguments().catch(() => [])).length > 0, "journalctl to run");
  controller.abort();
  await changed.catch(() => {});
});

Deno.test("units lists what the journal has entries of", async () => {
  await using fake = await FakeJournalctl.make();
  await fake.prints(["ssh.service", "cron.service"]);
  assertEquals(await fake.journal.units(10, NEVER), ["cron.service", "ssh.service"]);
  assertEquals((await fake.journal.units(1, NEVER))?.length, 1);
  await fake.fails(1, "No journal files were opened due to insufficient permissions.\n");
  assertEquals(await fake.journal.units(10, NEVER), undefined);
});
