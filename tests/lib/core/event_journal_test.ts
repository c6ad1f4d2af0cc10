import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { EVENT_TYPES } from "../../../lib/config/events.ts";
import { defaultConfig } from "../../../lib/config/schema.ts";
import { EventJournal } from "../../../lib/core/event_journal.ts";
import { eventBytes, storedBytes, storedType } from "../../../lib/core/stored_event.ts";
import type { JournalEvent } from "../../../lib/core/event_types.ts";
import { memoryState } from "../../../lib/platform/state/memory_state.ts";
import { openState } from "../../../lib/platform/linux/state/state_directory.ts";
import { CollectingLog, NEVER, rpcErrorOf, TempDirectory } from "../_helpers.ts";

const LIMITS = { events: 1000, jsonBytes: 200_000 };
const LONG_AGO = 0;

/** A journal on disk that can be closed, cut and opened again, as by a restart of the agent. */
class Kept implements AsyncDisposable {
  #state = this.#openState();
  journal = this.#open(LONG_AGO);

  constructor(readonly directory: TempDirectory, readonly keepBytes = 1024 * 1024) {}

  static async make(keepBytes?: number): Promise<Kept> {
    return new Kept(await TempDirectory.make(), keepBytes);
  }

  #openState() {
    const state_directory = this.directory.at("state");
    return openState({ state_directory, security: defaultConfig().security }, new CollectingLog());
  }

  #open(bootedAt: number): EventJournal {
    return new EventJournal({
      folder: this.#state.root.folder("events"),
      keepBytes: this.keepBytes,
      bootedAt,
      sources: () => defaultConfig().events.sources,
    });
  }

  /** The agent is killed, and another one starts. */
  async restart(bootedAt = LONG_AGO, meanwhile = () => Promise.resolve()): Promise<void> {
    await this.journal.close();
    this.#state.close();
    await meanwhile();
    this.#state = this.#openState();
    this.journal = this.#open(bootedAt);
  }

  async add(count: number, first = 0): Promise<void> {
    for (let n = first; n < first + count; n++) {
      await this.journal.append({ type: "program", event: "test", data: n });
    }
  }

  async read(cursor?: string, more: Partial<Parameters<EventJournal["read"]>[0]> = {}) {
    const selection = { cursor, last: undefined, types: undefined, limits: LIMITS, ...more };
    return await this.journal.read(selection);
  }

  /** The path of the newest file of the journal. */
  async newest(): Promise<string> {
    const found: string[] = [];
    const walk = async (directory: string) => {
      for await (const { name, isDirectory } of Deno.readDir(directory)) {
        if (isDirectory) await walk(`${directory}/${name}`);
        else if (!["lock", "epoch", "stopped"].includes(name)) found.push(`${directory}/${name}`);
      }
    };
    await walk(this.directory.path);
    return found.sort().at(-1) ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.journal.close();
    this.#state.close();
    await this.directory[Symbol.asyncDispose]();
  }
}

const numbersOf = (events: readonly JournalEvent[]) => events.map(({ seq }) => seq);
const dataOf = (events: readonly JournalEvent[]) => events.map(({ data }) => data);

Deno.test("events are numbered from 0, and read from a cursor on", async () => {
  await using kept = await Kept.make();
  await kept.add(3);
  const first = await kept.read(undefined, { limits: { ...LIMITS, events: 2 } });
  assertEquals([numbersOf(first.events), first.gap], [[0, 1], undefined]);
  const second = await kept.read(first.cursor);
  assertEquals([numbersOf(second.events), dataOf(second.events)], [[2], [2]]);
  const third = await kept.read(second.cursor);
  assertEquals([third.events, third.cursor], [[], second.cursor]);
  assertEquals(numbersOf((await kept.read(undefined, { last: 1 })).events), [2]);
  assertEquals(numbersOf((await kept.read(undefined, { last: 0 })).events), []);
});

Deno.test("events that are appended at the same time get different numbers", async () => {
  await using kept = await Kept.make();
  const event = { type: "program", event: "test", data: null } as const;
  const appended = await Promise.all(Array.from({ length: 50 }, () => kept.journal.append(event)));
  assertEquals(appended.map(({ seq }) => seq), Array.from({ length: 50 }, (_, n) => n));
});

Deno.test("numbers keep their digits", async () => {
  await using kept = await Kept.make();
  const data = [JSON.rawJSON("12345678901234567890"), JSON.rawJSON("1.50")];
  await kept.journal.append({ type: "program", event: "test", data });
  const { events } = await kept.read();
  assertEquals(JSON.stringify(events[0]?.data), "[12345678901234567890,1.50]");
});

Deno.test("only the wanted types are returned, and the cursor passes the others", async () => {
  await using kept = await Kept.make();
  await kept.journal.record({ type: "agent", event: "agent.started", data: null });
  await kept.add(2);
  await kept.journal.record({ type: "unit", event: "unit.failed", data: null });
  const { events, cursor } = await kept.read(undefined, { types: ["agent", "unit"] });
  assertEquals(numbersOf(events), [0, 3]);
  const none = await kept.read(undefined, { types: [] });
  assertEquals([none.events, none.cursor], [[], cursor]);
});

Deno.test("events go on with the next number after a restart of the agent", async () => {
  await using kept = await Kept.make();
  await kept.add(3);
  const { cursor } = await kept.read();
  await kept.restart();
  await kept.add(1, 3);
  const { events, gap } = await kept.read(cursor);
  assertEquals([dataOf(events), numbersOf(events), gap], [[3], [3], undefined]);
});

Deno.test("10,000 events, the agent restarted in the middle and again: all are read, or told", async () => {
  await using kept = await Kept.make(4 * 1024 * 1024);
  const seen: unknown[] = [];
  let cursor: string | undefined;
  for (let n = 0; n < 10_000; n += 500) {
    await kept.add(500, n);
    if (n % 3000 === 0) await kept.restart();
    if (n % 2000 !== 0) continue;
    for (;;) {
      const read = await kept.read(cursor);
      assertEquals(read.gap, undefined);
      cursor = read.cursor;
      if (read.events.length === 0) break;
      seen.push(...dataOf(read.events));
    }
  }
  for (;;) {
    const read = await kept.read(cursor);
    cursor = read.cursor;
    if (read.events.length === 0) break;
    seen.push(...dataOf(read.events));
  }
  assertEquals(seen, Array.from({ length: 10_000 }, (_, n) => n));
});

Deno.test("the oldest events are dropped, and how many is told exactly", async () => {
  await using kept = await Kept.make(64 * 1024);
  await kept.add(1);
  const { cursor } = await kept.read();
  await kept.add(5000, 1);
  let [next, lost] = [cursor, 0];
  const seen: unknown[] = [];
  for (;;) {
    const read = await kept.read(next);
    lost += read.lost ?? 0;
    next = read.cursor;
    if (read.events.length === 0) break;
    seen.push(...dataOf(read.events));
  }
  assert(lost > 1000 && seen.length > 500);
  assertEquals(lost + seen.length, 5000);
  assertEquals(seen.at(-1), 5000);
  assertEquals(seen[0], lost + 1);
});

Deno.test("a file that a crash cut in the middle loses its last event, and no number is used twice", async () => {
  await using kept = await Kept.make();
  await kept.add(3);
  const { cursor } = await kept.read();
  // The guest crashed: it was started after the last event.
  await kept.restart(Date.now() + 3_600_000, async () => {
    await Deno.remove(kept.directory.at("state/events/stopped"));
    const path = await kept.newest();
    const { size } = await Deno.stat(path);
    await Deno.truncate(path, size - 5);
  });
  await kept.add(1, 100);
  const { events, lost, gap } = await kept.read(cursor);
  assertEquals(dataOf(events), [100]);
  assert((events[0]?.seq ?? 0) > 3);
  assert(lost !== undefined && lost > 0 && gap !== undefined);
  const all = await kept.read();
  assertEquals(dataOf(all.events), [0, 1]);
  assertEquals(dataOf((await kept.read(all.cursor)).events), [100]);
});

Deno.test("no number is skipped after an agent that stopped in order, or in a guest that runs on", async () => {
  await using kept = await Kept.make();
  await kept.add(1);
  await kept.restart(Date.now() + 3_600_000);
  await kept.add(1);
  // Killed, in a guest that was started long ago.
  const stopped = kept.directory.at("state/events/stopped");
  await kept.restart(Date.now() - 3_600_000, () => Deno.remove(stopped));
  await kept.add(1);
  assertEquals(numbersOf((await kept.read()).events), [0, 1, 2]);
});

Deno.test("a journal that was removed begins another epoch, which a cursor tells", async () => {
  await using kept = await Kept.make();
  await kept.add(3);
  const { cursor } = await kept.read();
  await kept.restart(LONG_AGO, () => Deno.remove(kept.directory.at("state"), { recursive: true }));
  await kept.add(1, 7);
  const { events, gap, lost, cursor: next } = await kept.read(cursor);
  assertEquals([dataOf(events), gap, lost], [
    [7],
    "the events of the cursor's epoch are gone",
    undefined,
  ]);
  assertNotEquals(next.split(".")[1], cursor.split(".")[1]);
  assertEquals((await kept.read(next)).gap, undefined);
});

Deno.test("a cursor that is not one of this journal is refused with -32602:", async (t) => {
  await using kept = await Kept.make();
  await kept.add(3);
  const { cursor } = await kept.read();
  const bad = {
    empty: "",
    garbage: "garbage",
    "from the future": cursor.replace(/3$/, "4"),
    "far in the future": cursor.replace(/3$/, "9999999999999999"),
    negative: cursor.replace(/3$/, "-1"),
    "a fraction": cursor.replace(/3$/, "1.5"),
    "a cursor of a log": "f1.00000000.1-1.1.0000000000000000.1.l",
    "a megabyte": "e".repeat(1024 * 1024),
  };
  for (const [name, text] of Object.entries(bad)) {
    await t.step(name, async () => {
      assertEquals((await rpcErrorOf(() => kept.read(text))).code, -32602);
    });
  }
});

Deno.test("an answer has no more bytes than it may, and an event that does not fit alone is cut", async () => {
  await using kept = await Kept.make();
  const data = "x".repeat(1000);
  for (const event of ["a", "b", "c"]) {
    await kept.journal.append({ type: "program", event, data });
  }
  const limits = { events: 10, jsonBytes: 2500 };
  const two = await kept.read(undefined, { limits });
  assertEquals(numbersOf(two.events), [0, 1]);
  assert(JSON.stringify(two.events).length <= 2500);
  const cut = await kept.read(two.cursor, { limits: { events: 10, jsonBytes: 100 } });
  assertEquals([numbersOf(cut.events), cut.events[0]?.data, cut.events[0]?.truncated], [
    [2],
    null,
    true,
  ]);
});

Deno.test("eventBytes is at least what an event takes in an answer", async () => {
  await using kept = await Kept.make();
  for (const data of [null, 'ä\u0001"', { a: [1, "€"] }]) {
    const event = { type: "program", event: "näme", data } as const;
    await kept.journal.append(event);
    const [read] = (await kept.read(undefined, { last: 1 })).events;
    assert(new TextEncoder().encode(JSON.stringify(read)).byteLength <= eventBytes(event));
  }
});

Deno.test("storedType is the type of a stored event, whatever the program has put into it", () => {
  for (const type of EVENT_TYPES) {
    const event = { type, event: '"type":"x"', data: { type: "other" } };
    assertEquals(storedType(storedBytes(event, 1)), type);
  }
  for (const damaged of ["", '{"type', '{"type":"agent', '{"event":"a"}', "\0\0\0"]) {
    assertEquals(storedType(new TextEncoder().encode(damaged)), undefined);
  }
});

Deno.test("change resolves with the next event of a wanted type, and with one that is there", async () => {
  await using kept = await Kept.make();
  await kept.add(1);
  const { cursor } = await kept.read();
  let hasChanged = false;
  const changed = kept.journal.change({ cursor, types: ["unit"] }, NEVER)
    .then(() => hasChanged = true);
  await kept.add(1);
  assertEquals(hasChanged, false);
  await kept.journal.record({ type: "unit", event: "unit.failed", data: null });
  await changed;
  await kept.journal.change({ cursor, types: ["unit"] }, NEVER);
  const controller = new AbortController();
  const waiting = kept.journal.change({ cursor, types: ["memory"] }, controller.signal);
  controller.abort();
  await waiting;
});

Deno.test("events that wait for the disk are bounded", async () => {
  await using kept = await Kept.make();
  const event = { type: "program", event: "test", data: "x".repeat(50_000) } as const;
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, () => kept.journal.append(event)),
  );
  const refused = results.filter(({ status }) => status === "rejected").length;
  assertEquals(refused, 18);
  await kept.journal.append(event);
});

Deno.test("a source that is off records nothing", async () => {
  await using directory = await TempDirectory.make();
  const options = { state_directory: null, security: defaultConfig().security };
  const { root } = openState(options, new CollectingLog());
  const journal = new EventJournal({
    folder: root.folder("events"),
    keepBytes: 1024 * 1024,
    bootedAt: LONG_AGO,
    sources: () => ["unit"],
  });
  await journal.record({ type: "agent", event: "agent.started", data: directory.path });
  await journal.record({ type: "unit", event: "unit.failed", data: null });
  const selection = { cursor: undefined, last: undefined, types: undefined, limits: LIMITS };
  assertEquals((await journal.read(selection)).events.map(({ type }) => type), ["unit"]);
  await journal.close();
});

Deno.test("onEvent is called before anybody is told of an event, and not for a source that is off", async () => {
  const seen: string[] = [];
  const journal = new EventJournal({
    folder: memoryState().root.folder("events"),
    keepBytes: 1024 * 1024,
    bootedAt: LONG_AGO,
    sources: () => ["unit"],
    onEvent: () => seen.push("changed"),
  });
  await journal.record({ type: "agent", event: "agent.started", data: null });
  assertEquals(seen, []);
  const told = journal.change({ cursor: undefined, types: undefined }, NEVER)
    .then(() => seen.push("told"));
  await journal.record({ type: "unit", event: "unit.failed", data: null });
  await told;
  assertEquals(seen, ["changed", "told"]);
  await journal.close();
});
