import { assert, assertEquals } from "@std/assert";
import { giveBuffer, takeBuffer } from "../../../../lib/base/memory/spare_buffers.ts";

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
