import { assert, assertEquals } from "@std/assert";
import { LineCollector } from "../../../../../lib/platform/linux/logs/line_collector.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const LARGE = { lines: 1000, jsonBytes: 100_000 };

Deno.test("LineCollector takes whole lines and leaves an unfinished one", () => {
  const collector = new LineCollector(LARGE);
  assertEquals(collector.take(bytes("one\n\ntwo\nthr"), { rest: "leave" }), 9);
  assertEquals(collector.lines, ["one", "", "two"]);
  assertEquals([collector.isCut, collector.isFull], [false, false]);
  assertEquals(collector.take(bytes("thr"), { rest: "complete" }), 3);
  assertEquals([collector.lines.at(-1), collector.isCut], ["thr", false]);
});

Deno.test("LineCollector stops at the number of lines, and at the bytes of JSON", () => {
  const few = new LineCollector({ ...LARGE, lines: 2 });
  assertEquals(few.take(bytes("1\n2\n3\n"), { rest: "leave" }), 4);
  assert(few.isFull);
  // Each quote takes two bytes in JSON.
  const small = new LineCollector({ lines: 10, jsonBytes: 20 });
  assertEquals(small.take(bytes(`${'"'.repeat(8)}\nab\n`), { rest: "leave" }), 9);
  assertEquals([small.lines.length, small.isFull, small.isCut], [1, true, false]);
});

Deno.test("LineCollector cuts a line that does not fit at a character, and loses no byte of it", () => {
  const line = "a€😀\u0001".repeat(50);
  const all = bytes(`${line}\n`);
  let text = "";
  for (let at = 0; at < all.byteLength;) {
    const collector = new LineCollector({ lines: 10, jsonBytes: 40 });
    const taken = collector.take(all.subarray(at), { rest: "leave" });
    assert(taken > 0);
    assert(JSON.stringify(collector.lines[0]).length <= 42);
    text += collector.lines.join("\n");
    assertEquals(collector.isCut, at + taken < all.byteLength);
    at += taken;
  }
  assertEquals(text, line);
});

Deno.test("LineCollector replaces what is not UTF-8", () => {
  const collector = new LineCollector(LARGE);
  assertEquals(collector.take(Uint8Array.of(0x61, 0xff, 0x62, 0x0a), { rest: "leave" }), 4);
  assertEquals(collector.lines, ["a\ufffdb"]);
});
