import { assertEquals } from "@std/assert";
import { PieceReader } from "../../../../../lib/platform/linux/files/piece_reader.ts";
import { NEVER } from "../../../_helpers.ts";
import { until } from "../../../../_waiting.ts";

const PIECE = 48_000;
const LONG_AGO = new Date(1_700_000_000_000);
const ANY_FILE = await Deno.stat(new URL(import.meta.url));

/** A file in memory that remembers how it was read. */
class FakeFile {
  readonly reads: (readonly [offset: number, length: number])[] = [];
  content: Uint8Array;
  mtime = LONG_AGO;
  /** What each read waits for. */
  gate: Promise<void> = Promise.resolve();

  constructor(size: number) {
    this.content = Uint8Array.from({ length: size }, (_, index) => index * 7 + (index >> 8));
  }

  get info(): Deno.FileInfo {
    return { ...ANY_FILE, size: this.content.byteLength, mtime: this.mtime, ctime: this.mtime };
  }

  async readAt(offset: number, buffer: Uint8Array): Promise<number> {
    this.reads.push([offset, buffer.byteLength]);
    await this.gate;
    const bytes = this.content.subarray(offset, offset + buffer.byteLength);
    buffer.set(bytes);
    return bytes.byteLength;
  }
}

/** Reads a piece as a request does, and sends its base64; returns the bytes. */
async function readAndSend(reader: PieceReader, file: FakeFile, offset: number, length = PIECE) {
  const piece = await reader.read(offset, length, file.info, NEVER);
  const base64 = piece.base64();
  reader.prefetchNext(file.info);
  const sent = Uint8Array.fromBase64(base64.toJSON());
  base64.release();
  return sent;
}

Deno.test("the first piece is read alone, and one ahead", async () => {
  const file = new FakeFile(10 * PIECE);
  const reader = new PieceReader(file);
  assertEquals(await readAndSend(reader, file, 0), file.content.slice(0, PIECE));
  await reader.settle();
  assertEquals(file.reads, [[0, PIECE], [PIECE, PIECE]]);
  reader.close();
});

Deno.test("each of several pieces in a row is read once, and has the file's bytes", async () => {
  const file = new FakeFile(10 * PIECE);
  const reader = new PieceReader(file);
  for (let offset = 0; offset < file.content.byteLength; offset += PIECE) {
    const sent = await readAndSend(reader, file, offset);
    assertEquals(sent, file.content.slice(offset, offset + PIECE), `${offset}`);
  }
  assertEquals(file.reads, Array.from({ length: 10 }, (_, index) => [index * PIECE, PIECE]));
  reader.close();
});

Deno.test("of pieces in a row, the one after the next is read before the next is requested", async () => {
  const file = new FakeFile(10 * PIECE);
  const reader = new PieceReader(file);
  for (const offset of [0, PIECE]) {
    await readAndSend(reader, file, offset);
    await reader.settle();
  }
  await readAndSend(reader, file, 2 * PIECE);
  await until(() => file.reads.length === 5, "both reads ahead");
  assertEquals(file.reads.slice(3), [[3 * PIECE, PIECE], [4 * PIECE, PIECE]]);
  reader.close();
});

Deno.test("a piece that was read ahead needs no waiting, even while the one after it is read", async () => {
  const file = new FakeFile(10 * PIECE);
  const reader = new PieceReader(file);
  assertEquals(reader.readAhead(0, PIECE, file.info), undefined);
  for (const offset of [0, PIECE, 2 * PIECE]) await readAndSend(reader, file, offset);
  await until(() => file.reads.length === 5, "both reads ahead");
  // The file is in memory: its reads end after a few promises.
  for (let i = 0; i < 10; i++) await Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  file.gate = promise;
  for (const number of [3, 4]) {
    const piece = reader.readAhead(number * PIECE, PIECE, file.info);
    const base64 = piece?.base64();
    reader.prefetchNext(file.info);
    const offset = number * PIECE;
    assertEquals(
      Uint8Array.fromBase64(base64?.toJSON() ?? ""),
      file.content.slice(offset, offset + PIECE),
    );
    base64?.release();
  }
  assertEquals(reader.readAhead(5 * PIECE, PIECE, file.info), undefined);
  resolve();
  assertEquals(
    await readAndSend(reader, file, 5 * PIECE),
    file.content.slice(5 * PIECE, 6 * PIECE),
  );
  reader.close();
});

Deno.test("a piece that was read ahead is not known after a change", async () => {
  const file = new FakeFile(10 * PIECE);
  const reader = new PieceReader(file);
  for (const offset of [0, PIECE]) await readAndSend(reader, file, offset);
  await reader.settle();
  file.mtime = new Date(LONG_AGO.getTime() + 4);
  assertEquals(reader.readAhead(2 * PIECE, PIECE, file.info), undefined);
  reader.close();
});

Deno.test("nothing is read ahead before the last piece has been sent", async () => {
  const file = new FakeFile(3 * PIECE);
  const reader = new PieceReader(file);
  const piece = await reader.read(0, PIECE, file.info, NEVER);
  const base64 = piece.base64();
  reader.prefetchNext(file.info);
  assertEquals(file.reads.length, 1);
  base64.release();
  assertEquals(file.reads.length, 2);
  reader.close();
});

Deno.test("a piece that is not sent as base64 is followed by the next at once", async () => {
  const file = new FakeFile(3 * PIECE);
  const reader = new PieceReader(file);
  await reader.read(0, PIECE, file.info, NEVER);
  reader.prefetchNext(file.info);
  assertEquals(file.reads, [[0, PIECE], [PIECE, PIECE]]);
  reader.close();
});

for (const from of [1, 3] as const) {
  Deno.test(`what was read ahead is read again after a change, at piece ${from}`, async () => {
    const file = new FakeFile(8 * PIECE);
    const reader = new PieceReader(file);
    for (let number = 0; number < from; number++) await readAndSend(reader, file, number * PIECE);
    await until(() => file.reads.length > 1, "a read ahead");
    const offset = from * PIECE;
    file.content = file.content.map((byte) => byte ^ 0xff);
    file.mtime = new Date(LONG_AGO.getTime() + 4);
    assertEquals(
      await readAndSend(reader, file, offset),
      file.content.slice(offset, offset + PIECE),
    );
    reader.close();
  });
}

Deno.test("a file that changed just now is not read ahead: its next change may look the same", async () => {
  const file = new FakeFile(3 * PIECE);
  const reader = new PieceReader(file);
  const { now } = Date;
  Date.now = () => file.mtime.getTime() + 1;
  try {
    await readAndSend(reader, file, 0);
  } finally {
    Date.now = now;
  }
  assertEquals(file.reads, [[0, PIECE]]);
  reader.close();
});

Deno.test("pieces over 128 KiB are not read ahead", async () => {
  const file = new FakeFile(500_000);
  const reader = new PieceReader(file);
  await readAndSend(reader, file, 0, 131_072);
  await reader.settle();
  assertEquals(file.reads, [[0, 131_072], [131_072, 131_072]]);
  await readAndSend(reader, file, 0, 131_073);
  await reader.settle();
  assertEquals(file.reads.slice(2), [[0, 131_073]]);
  reader.close();
});

Deno.test("a request during a read ahead waits for it", async () => {
  const file = new FakeFile(3 * PIECE);
  const reader = new PieceReader(file);
  const { promise, resolve } = Promise.withResolvers<void>();
  await reader.read(0, PIECE, file.info, NEVER);
  file.gate = promise;
  reader.prefetchNext(file.info);
  const reading = reader.read(2 * PIECE, PIECE, file.info, NEVER);
  assertEquals(file.reads, [[0, PIECE], [PIECE, PIECE]]);
  resolve();
  assertEquals((await reading).bytes, file.content.subarray(2 * PIECE));
  assertEquals(file.reads.length, 3);
  reader.close();
});

Deno.test("any order of pieces has the file's bytes", async () => {
  const file = new FakeFile(300_001);
  const reader = new PieceReader(file);
  // A fixed sequence that looks random: runs in a row, steps back, other lengths, beyond the end.
  let seed = 1;
  const next = (most: number) => (seed = seed * 48_271 % 2_147_483_647) % most;
  let offset = 0;
  let length = PIECE;
  for (let step = 0; step < 400; step++) {
    if (next(5) === 0) offset = next(310_000);
    if (next(7) === 0) length = 1 + next(70_000);
    const wanted = Math.max(0, Math.min(length, file.content.byteLength - offset));
    const sent = await readAndSend(reader, file, offset, wanted);
    assertEquals(sent, file.content.slice(offset, offset + wanted), `${offset}+${wanted}`);
    offset += wanted;
    if (wanted === 0) offset = 0;
  }
  reader.close();
});

Deno.test("base64 that is not sent yet stays valid when the reader is closed", async () => {
  const file = new FakeFile(3 * PIECE);
  const reader = new PieceReader(file);
  const piece = await reader.read(0, PIECE, file.info, NEVER);
  const base64 = piece.base64();
  reader.prefetchNext(file.info);
  reader.close();
  assertEquals(Uint8Array.fromBase64(base64.toJSON()), file.content.slice(0, PIECE));
  base64.release();
  assertEquals(file.reads.length, 1);
});
