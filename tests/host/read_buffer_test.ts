import { assertEquals } from "@std/assert";
import { ReadBuffer } from "../../host/read_buffer.ts";

const KIB = 1024;

Deno.test("a buffer grows while reads fill it, up to a limit, and shrinks after small ones", () => {
  const buffer = new ReadBuffer();
  const sizes: number[] = [];
  for (let count = 0; count < 6; count++) {
    sizes.push(buffer.bytes.byteLength / KIB);
    buffer.adapt(buffer.bytes.byteLength);
  }
  assertEquals(sizes, [4, 8, 16, 32, 64, 64]);
  const { bytes } = buffer;
  // The ends of long lines.
  for (const read of [20 * KIB, 100, 20 * KIB, 1, 2, 3, 4, 5, 6, 7]) buffer.adapt(read);
  assertEquals([buffer.bytes === bytes, buffer.isSmall], [true, false]);
  buffer.adapt(8);
  assertEquals([buffer.bytes.byteLength / KIB, buffer.isSmall], [4, true]);
});

Deno.test("a buffer that is small stays the same one", () => {
  const buffer = new ReadBuffer();
  const { bytes } = buffer;
  buffer.adapt(100);
  assertEquals(buffer.bytes === bytes, true);
});
