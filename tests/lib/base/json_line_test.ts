import { assertEquals, assertThrows } from "@std/assert";
import { jsonLine } from "../../../lib/base/json_line.ts";

for (
  const [what, character] of [
    ["a terminal's escape", "\u001b"],
    ["DEL", "\u007f"],
    ["the C1 control U+009B", "\u009b"],
    ["the line separator", "\u2028"],
    ["the paragraph separator", "\u2029"],
    ["a right-to-left override", "\u202e"],
    ["a directional isolate", "\u2066"],
    ["a zero-width space", "\u200b"],
    ["a tag character", "\u{e0041}"],
    ["a newline", "\n"],
  ] as const
) {
  Deno.test(`jsonLine() escapes ${what}, in names and in values`, () => {
    const value = { [`a${character}`]: [`x${character}y`] };
    const line = jsonLine(value);
    assertEquals(line.includes(character), false, line);
    assertEquals(JSON.parse(line), value);
  });
}

Deno.test("jsonLine() leaves all other text as it is", () => {
  const value = { path: "/tmp/\u00fc\u20ac\u{1d11e} ~", list: [1, null] };
  assertEquals(jsonLine(value), JSON.stringify(value));
});

Deno.test("jsonLine() takes a replacer", () => {
  assertEquals(
    jsonLine({ a: 1 }, (_name, value) => value === 1 ? "\u009b" : value),
    '{"a":"\\u009b"}',
  );
});

Deno.test("jsonLine() throws for a value without JSON form", () => {
  assertThrows(() => jsonLine(1n), TypeError);
});
