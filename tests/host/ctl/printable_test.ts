import { assertEquals } from "@std/assert";
import { printable, printableJson } from "../../../host/ctl/printable.ts";

for (
  const [text, shown] of [
    ["plain text, ä 漢字 🙂", "plain text, ä 漢字 🙂"],
    ["two\nlines\tand a tab", "two\\nlines\\tand a tab"],
    ["\u001b[31mred\u001b]0;title\u0007", "\\x1b[31mred\\x1b]0;title\\x07"],
    ["\u0000\u001f\u007f\u0080\u009f", "\\x00\\x1f\\x7f\\x80\\x9f"],
    ["\u2028\u2029\u202a\u202e\u2066\u2069", "\\u2028\\u2029\\u202a\\u202e\\u2066\\u2069"],
    [" ~\u00a0\u2027\u202f\u2065\u206a", " ~\u00a0\u2027\u202f\u2065\u206a"],
  ] as const
) {
  Deno.test(`printable() shows ${JSON.stringify(text)} as ${shown}`, () => {
    assertEquals(printable(text), shown);
  });
}

Deno.test("printableJson() is JSON of the same value, without control characters", () => {
  const value = { "\u001b[2J": ["\u202egnp.exe", "\u009b31m", "a\nb\u2028"] };
  for (const indent of [undefined, 2]) {
    const text = printableJson(value, indent);
    assertEquals(JSON.parse(text), value);
    // deno-lint-ignore no-control-regex -- these must not be there
    assertEquals(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/.test(text), false, text);
  }
  assertEquals(printableJson({ a: 1 }, 2), '{\n  "a": 1\n}');
  assertEquals(printableJson(undefined), "null");
});
