import { assert, assertEquals } from "@std/assert";
import type { SpoolReadOptions } from "../../../../lib/guest/state.ts";
import { MemorySegments } from "../../../../lib/platform/state/memory_segments.ts";
import { HEADER_BYTES } from "../../../../lib/platform/state/records.ts";
import type { SegmentWriter } from "../../../../lib/platform/state/segments.ts";
import { SegmentedSpool } from "../../../../lib/platform/state/spool.ts";

const KIB = 1024;
const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function openSpool(bytes = 1024 * KIB, store = new MemorySegments()) {
  return { store, spool: await SegmentedSpool.open(store, { bytes }) };
}

async function read(
  spool: SegmentedSpool,
  position: number,
  options: SpoolReadOptions = { maxBytes: 100 * KIB },
) {
  const piece = await spool.read(position, options);
  const runs = piece.runs.map(({ kind, bytes }) => `${kind}:${textOf(bytes)}`);
  piece.release();
  return { runs, begin: piece.begin, next: piece.next, lost: piece.lost };
}

const appendText = (spool: SegmentedSpool, kind: number, text: string) =>
  spool.append(kind, bytesOf(text), text.length);

Deno.test("Spool joins neighbours of one kind and keeps the order", async () => {
  const { spool } = await openSpool();
  for (const [kind, text] of [[1, "ab"], [1, "cd"], [2, "x"], [1, "e"]] as const) {
    assert(await appendText(spool, kind, text));
  }
  assertEquals(await read(spool, 0), {
    runs: ["1:abcd", "2:x", "1:e"],
    begin: 0,
    next: 6,
    lost: 0,
  });
  assertEquals(await read(spool, 3), { runs: ["1:d", "2:x", "1:e"], begin: 3, next: 6, lost: 0 });
  assertEquals(await read(spool, 6), { runs: [], begin: 6, next: 6, lost: 0 });
});

Deno.test("Spool splits bytes at any place, and reads on from there", async () => {
  const { spool } = await openSpool();
  await appendText(spool, 1, "abc");
  await appendText(spool, 2, "def");
  let position = 0;
  const runs: string[] = [];
  while (position < spool.end) {
    const piece = await read(spool, position, { maxBytes: 2 });
    runs.push(...piece.runs);
    position = piece.next;
  }
  assertEquals(runs, ["1:ab", "1:c", "2:d", "2:ef"]);
  assertEquals((await read(spool, 0, { maxBytes: 10, bytesPerRun: 4 })).runs, ["1:abc"]);
});

Deno.test("Spool returns counted records whole, at least one", async () => {
  const { spool } = await openSpool();
  for (const text of ["first", "second", "third"]) await spool.append(1, bytesOf(text), 1);
  const options = { maxBytes: 11, separate: true };
  assertEquals(await read(spool, 0, options), {
    runs: ["1:first", "1:second"],
    begin: 0,
    next: 2,
    lost: 0,
  });
  assertEquals((await read(spool, 1, { maxBytes: 1, separate: true })).runs, ["1:second"]);
});

Deno.test("Spool drops the oldest and says how much is lost", async () => {
  const { spool } = await openSpool(64 * KIB);
  const chunk = "x".repeat(4 * KIB);
  for (let index = 0; index < 64; index++) await appendText(spool, 1, chunk);
  assert(spool.storedBytes <= 64 * KIB && spool.storedBytes > 32 * KIB, `${spool.storedBytes}`);
  assertEquals(spool.end, 64 * 4 * KIB);
  const { begin, lost, runs } = await read(spool, 1000, { maxBytes: 3 });
  assertEquals({ begin, lost, runs }, {
    begin: spool.begin,
    lost: spool.begin - 1000,
    runs: ["1:xxx"],
  });
  while (await spool.dropOldest());
  assertEquals(await read(spool, 0), {
    runs: [],
    begin: spool.end,
    next: spool.end,
    lost: spool.end,
  });
});

Deno.test("Spool goes on after its remains have been reopened, whatever a crash cut off", async () => {
  const record = HEADER_BYTES + 5;
  for (let cut = 0; cut <= 2 * record; cut++) {
    const { spool, store } = await openSpool();
    await appendText(spool, 1, "hello");
    await appendText(spool, 2, "world");
    const found = new MemorySegments();
    const writer = await found.create(0);
    const bytes = new Uint8Array(2 * record);
    await store.readAt(0, 0, bytes);
    await writer.write(bytes.subarray(0, cut));
    const { spool: reopened } = await openSpool(1024 * KIB, found);
    const kept = Math.floor(cut / record);
    assertEquals(reopened.end, kept * 5, `cut at ${cut}`);
    await appendText(reopened, 1, "again");
    const runs = ["1:hello", "2:world"].slice(0, kept);
    if (kept === 1) runs[0] = "1:helloagain";
    else runs.push("1:again");
    const piece = await read(reopened, 0);
    assertEquals(
      piece.runs.join("").replaceAll(/1:|2:/g, ""),
      "helloworld".slice(0, kept * 5) + "again",
    );
    assertEquals(piece.lost, 0);
  }
});

Deno.test("Spool takes zeros at the end for the remains of a crash", async () => {
  const { spool, store } = await openSpool();
  await appendText(spool, 1, "hello");
  const bytes = new Uint8Array(HEADER_BYTES + 5);
  await store.readAt(0, 0, bytes);
  const found = new MemorySegments();
  const writer = await found.create(0);
  await writer.write(bytes);
  await writer.write(new Uint8Array(4096));
  const { spool: reopened } = await openSpool(1024 * KIB, found);
  assertEquals(await read(reopened, 0), { runs: ["1:hello"], begin: 0, next: 5, lost: 0 });
});

/** A disk that is full while a test says so; it writes half of what does not fit. */
class FullDisk extends MemorySegments {
  isFull = false;

  override async create(start: number): Promise<SegmentWriter> {
    const writer = await super.create(start);
    const write = writer.write.bind(writer);
    writer.write = async (bytes) => {
      if (!this.isFull) return await write(bytes);
      await write(bytes.subarray(0, bytes.byteLength / 2));
      throw new Error("No space left on device (os error 28)");
    };
    return writer;
  }
}

Deno.test("Spool tells what a full disk has lost, and goes on when there is room", async () => {
  const store = new FullDisk();
  const { spool } = await openSpool(1024 * KIB, store);
  assert(await appendText(spool, 1, "before"));
  store.isFull = true;
  assertEquals(await appendText(spool, 1, "nothing"), false);
  assertEquals(await read(spool, 6), { runs: [], begin: 13, next: 13, lost: 7 });
  store.isFull = false;
  assert(await appendText(spool, 1, "after"));
  const first = await read(spool, 0);
  assertEquals(first, { runs: ["1:before"], begin: 0, next: 6, lost: 0 });
  assertEquals(await read(spool, first.next), { runs: ["1:after"], begin: 13, next: 18, lost: 7 });
  const { spool: reopened } = await openSpool(1024 * KIB, store);
  assertEquals(reopened.end, 18);
});

Deno.test("Spool keeps the order of appends that were not awaited", async () => {
  const { spool } = await openSpool(64 * KIB);
  const all = Array.from({ length: 500 }, (_, index) => `${index};`);
  await Promise.all(all.map((text) => appendText(spool, 1, text)));
  assertEquals((await read(spool, 0)).runs, [`1:${all.join("")}`]);
  await spool.close();
});

Deno.test("Spool fills each piece, wherever the one before has ended", async () => {
  const { spool } = await openSpool();
  for (let index = 0; index < 20; index++) {
    await spool.append(1, new Uint8Array(16 * KIB), 16 * KIB);
  }
  const sizes: number[] = [];
  for (let position = 0; position < spool.end;) {
    const piece = await spool.read(position, { maxBytes: 48_000 });
    piece.release();
    sizes.push(piece.next - position);
    position = piece.next;
  }
  const last = sizes.pop() ?? 0;
  assertEquals(sizes.every((size) => size === 48_000), true, `${sizes}`);
  assertEquals(last, 20 * 16 * KIB - sizes.length * 48_000);
});
