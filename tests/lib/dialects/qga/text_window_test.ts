import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Quote, TextWindow } from "../../../../lib/dialects/qga/text_window.ts";

const QUOTES = [0x22, 0x27] as const;

/** What {@link TextWindow.endOfRun} finds, byte by byte. */
function endOfRun(bytes: Uint8Array, from: number, quote: Quote): number | undefined {
  const end = bytes.findIndex((byte, index) =>
    index >= from && (byte === quote || byte === 0x5c || byte < 0x20 || byte >= 0xfe)
  );
  return end < 0 ? undefined : end;
}

/** All ends of runs, as the lexer asks for them: each search starts after the end before it. */
function assertFindsEach(bytes: Uint8Array, quote: Quote): void {
  const window = new TextWindow(bytes);
  for (let from = 0; from < bytes.byteLength;) {
    const expected = endOfRun(bytes, from, quote);
    assertEquals(window.endOfRun(from, quote), expected);
    from = expected === undefined ? bytes.byteLength : expected + 1;
  }
}

Deno.test("the end of a run is found in any bytes", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ unit: "binary", maxLength: 200 }).map((text) => new TextEncoder().encode(text)),
    fc.base64String({ maxLength: 200 }).map((text) => new TextEncoder().encode(text)),
  );
  fc.assert(fc.property(
    // What is before it moves the interesting bytes over the edges of the windows.
    fc.nat({ max: 9000 }),
    bytes,
    fc.constantFrom(...QUOTES),
    (before, interesting, quote) => {
      const all = new Uint8Array(before + interesting.byteLength).fill(0x41);
      all.set(interesting, before);
      assertFindsEach(all, quote);
    },
  ));
});

for (const quote of QUOTES) {
  Deno.test(`each byte ends a run or does not, between ${String.fromCharCode(quote)}`, () => {
    for (let byte = 0; byte < 256; byte += 1) {
      assertFindsEach(Uint8Array.of(0x41, byte, 0x41, byte), quote);
    }
  });
}
