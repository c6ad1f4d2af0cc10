import { assert, assertEquals } from "@std/assert";
import { escapeUtf8 } from "../../../lib/base/json_bytes.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

/** What stays of a text in a target of this size. */
function escaped(bytes: Uint8Array, size: number, isCut = false) {
  const target = new Uint8Array(size);
  const { length, isWhole } = escapeUtf8(bytes, target, { isCut });
  const text: unknown = JSON.parse(`"${decode(target.subarray(0, length))}"`);
  return { text, length, isWhole };
}

/** Characters of every length, at every position in a piece. */
const TEXTS = [
  "",
  "plain\n",
  '"\\\u0000\u001b\t€😀\ufeff'.repeat(2000),
  ...[1, 2, 3].map((before) => "x".repeat(before) + "😀".repeat(3000)),
];

Deno.test("text becomes the inside of a JSON string that stands for it", () => {
  for (const text of TEXTS) {
    const bytes = encode(text);
    const { isWhole, length, ...result } = escaped(bytes, 6 * bytes.byteLength);
    assertEquals([result.text, isWhole], [text, true]);
    assertEquals(length, encode(JSON.stringify(text)).byteLength - 2);
  }
});

Deno.test("what does not fit is left out, in whole characters", () => {
  for (const text of TEXTS.slice(1)) {
    const most = encode(JSON.stringify(text)).byteLength - 2;
    for (const size of [0, 1, 5, most >> 1, most - 1]) {
      const result = escaped(encode(text), size);
      assert(typeof result.text === "string" && text.startsWith(result.text));
      assertEquals(result.isWhole, false);
      assert(result.length > size - 12, `${result.length} of ${size} bytes`);
    }
  }
});

Deno.test("bytes that are not UTF-8 are replaced, but not the beginning of a character that was cut", () => {
  const bytes = Uint8Array.of(0x61, 0xff, 0xf0, 0x9f);
  assertEquals(escaped(bytes, 100).text, "a\ufffd\ufffd");
  assertEquals(escaped(bytes, 100, true).text, "a\ufffd");
});
