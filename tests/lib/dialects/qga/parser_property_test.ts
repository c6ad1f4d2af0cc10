import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { bytesOf, cut, parseChunks, type Parsed } from "./_parse.ts";

/** JSON without characters that the language refuses. */
const json = fc.jsonValue({ noUnicodeString: false }).filter((value) => {
  const text = JSON.stringify(value);
  return !/\\ud[89a-f]/i.test(text) && !/\p{Noncharacter_Code_Point}/u.test(text);
});

const normal = (parsed: Parsed | undefined): unknown =>
  parsed !== undefined && "json" in parsed ? JSON.parse(parsed.json) : parsed;

Deno.test("what JSON.stringify writes is read back, in chunks of any size, side by side", () => {
  fc.assert(
    fc.property(
      fc.array(json, { maxLength: 5 }),
      fc.integer({ min: 1, max: 40 }),
      (values, size) => {
        // Words and numbers end where something else begins.
        const text = values.map((value) => JSON.stringify(value)).join(" ") + "\n";
        const parsed = parseChunks(cut(bytesOf(text), size));
        assertEquals(parsed.map(normal), values.map((value) => JSON.parse(JSON.stringify(value))));
      },
    ),
  );
});

/** Bytes that mean something to the lexer, more often than not. */
const token = fc.oneof(
  fc.constantFrom(..."{}[]:,\"'\\ \n-01.eEtrufalsn%", "true", '"a"', '{"a":1}', "\\u", "\\'"),
  fc.string({ maxLength: 3 }),
).map((text) => [...new TextEncoder().encode(text)]);
const byte = fc.constantFrom(0xff, 0xfe, 0xc3, 0x00, 0x7f, 0x80).map((value) => [value]);
const stream = fc.array(fc.oneof({ arbitrary: token, weight: 9 }, byte), { maxLength: 60 })
  .map((parts) => Uint8Array.from(parts.flat()));

Deno.test("any bytes give the same answers however they are cut", () => {
  fc.assert(fc.property(stream, fc.integer({ min: 1, max: 9 }), (bytes, size) => {
    assertEquals(parseChunks(cut(bytes, size)), parseChunks([bytes]));
  }));
});

Deno.test("after any bytes, 0xFF makes the parser new", () => {
  fc.assert(fc.property(stream, (bytes) => {
    const parsed = parseChunks([bytes, Uint8Array.of(0xff), bytesOf('{"id":7}')]);
    assertEquals(parsed.at(-1), { json: '{"id":7}' });
  }));
});
