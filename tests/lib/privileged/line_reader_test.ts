import { assertEquals, assertRejects } from "@std/assert";
import { LineReader } from "../../../lib/privileged/line_reader.ts";

/** A source that returns one chunk per read. */
function chunks(...texts: readonly (string | Uint8Array)[]) {
  const left = texts.map((text) =>
    typeof text === "string" ? new TextEncoder().encode(text) : text
  );
  return {
    read: (buffer: Uint8Array) => {
      const next = left.shift();
      if (next === undefined) return Promise.resolve(null);
      buffer.set(next);
      return Promise.resolve(next.byteLength);
    },
  };
}

Deno.test("LineReader returns lines however they arrive", async () => {
  const lines = new LineReader(chunks("a", "b\nc\n\nd", "é\n"), 100);
  assertEquals(
    [await lines.next(), await lines.next(), await lines.next(), await lines.next()],
    ["ab", "c", "", "dé"],
  );
});

Deno.test("LineReader returns nothing for a line that the end of the connection cuts off", async () => {
  const lines = new LineReader(chunks("a\nb"), 100);
  assertEquals([await lines.next(), await lines.next()], ["a", undefined]);
});

Deno.test("LineReader refuses a line over the limit", async () => {
  const lines = new LineReader(chunks("x".repeat(60), "x".repeat(60)), 100);
  await assertRejects(() => lines.next(), Error, "more than 100 bytes");
});

Deno.test("LineReader refuses what is not UTF-8", async () => {
  await assertRejects(() => new LineReader(chunks(new Uint8Array([0xff, 0x0a])), 100).next());
});
