import { assert, assertEquals } from "@std/assert";
import type * as spareBuffers from "../../../../lib/base/memory/spare_buffers.ts";
import { giveBuffer, takeBuffer } from "../../../../lib/base/memory/spare_buffers.ts";

const MODULE = new URL("../../../../lib/base/memory/spare_buffers.ts", import.meta.url).href;
const SMALLEST = 16 * 1024;

/** A copy of the module that keeps nothing yet. */
const emptyCopy = (): Promise<typeof spareBuffers> => import(`${MODULE}?${crypto.randomUUID()}`);

Deno.test("a buffer that is given back is taken again, by whoever it is large enough for", () => {
  const first = takeBuffer(40_000);
  assert(first.byteLength >= 40_000);
  giveBuffer(first);
  const again = takeBuffer(30_000);
  assertEquals(again.buffer, first.buffer);
  const other = takeBuffer(30_000);
  assert(other.buffer !== again.buffer, "nobody has a buffer that somebody else has");
  giveBuffer(again);
  giveBuffer(other);
});

Deno.test("no more than half a megabyte is kept", () => {
  const taken = Array.from({ length: 100 }, () => takeBuffer(50_000));
  for (const buffer of taken) giveBuffer(buffer);
  const again = Array.from({ length: 100 }, () => takeBuffer(50_000));
  const kept = again.filter((buffer) => taken.includes(buffer));
  assert(kept.length > 0 && kept.length * 50_000 <= 512 * 1024, `${kept.length} were kept`);
});

Deno.test("half a megabyte of the smallest buffers is kept, and not one more", async () => {
  const { giveBuffer, takeBuffer } = await emptyCopy();
  const most = 512 * 1024 / SMALLEST;
  const taken = Array.from({ length: most + 1 }, () => takeBuffer(1));
  assertEquals(new Set(taken.map(({ byteLength }) => byteLength)), new Set([SMALLEST]));
  for (const buffer of taken) giveBuffer(buffer);
  const again = Array.from({ length: most + 1 }, () => takeBuffer(1));
  assertEquals(again.filter((buffer) => taken.includes(buffer)).length, most);
});

Deno.test("a buffer that fits few needs is not kept", async () => {
  const { giveBuffer, takeBuffer } = await emptyCopy();
  const small = new Uint8Array(SMALLEST - 1);
  giveBuffer(small);
  assert(takeBuffer(1) !== small);
});
