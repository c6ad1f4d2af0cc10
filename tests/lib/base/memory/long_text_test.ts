import { assertEquals } from "@std/assert";
import { LongText } from "../../../../lib/base/memory/long_text.ts";

const longText = (text: string) => new LongText(new TextEncoder().encode(text));

Deno.test("a long text has the characters of its bytes", () => {
  const text = longText("YWJj");
  assertEquals([text.length, String(text), JSON.stringify({ text })], [
    4,
    "YWJj",
    '{"text":"YWJj"}',
  ]);
  assertEquals([text.slice(1), text.slice(1, 3), text.slice(4)], ["WJj", "WJ", ""]);
});

Deno.test("a long text is empty once it has been released", () => {
  const text = longText("YWJj");
  text.release();
  assertEquals([text.length, String(text)], [0, ""]);
  text.release();
});
