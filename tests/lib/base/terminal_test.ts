import { assertEquals } from "@std/assert";
import { writeBytes } from "../../../lib/base/terminal.ts";

Deno.test("writeBytes() writes all bytes, even if the terminal takes few at a time", () => {
  const written: number[] = [];
  const slow = {
    writeSync: (bytes: Uint8Array) => {
      written.push(...bytes.subarray(0, 3));
      return Math.min(3, bytes.byteLength);
    },
  };
  writeBytes(slow, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  assertEquals(written, [1, 2, 3, 4, 5, 6, 7, 8]);
});
