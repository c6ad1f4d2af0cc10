import { assertEquals } from "@std/assert";
import { readIncoming, splitAnswer } from "../../host/incoming.ts";

Deno.test("splitAnswer() takes an answer apart as an agent writes it", () => {
  for (const result of [null, 1, "text", [], { id: "x" }, { a: '","id":"x' }]) {
    const line = JSON.stringify({ jsonrpc: "2.0", result, id: "7f/1" });
    assertEquals(splitAnswer(line), { id: "7f/1", resultText: JSON.stringify(result) });
  }
});

Deno.test("splitAnswer() leaves everything else to the parser", () => {
  for (
    const line of [
      "",
      "{}",
      '{"jsonrpc":"2.0","result":1,"id":1}',
      '{"jsonrpc":"2.0","id":"a","result":1}',
      '{"jsonrpc": "2.0","result":1,"id":"a"}',
      '{"jsonrpc":"2.0","result":1,"id":"a"} ',
      '{"jsonrpc":"2.0","error":{"code":1,"message":""},"id":"a"}',
      '{"jsonrpc":"2.0","result":"id":"a"}',
    ]
  ) {
    assertEquals(splitAnswer(line), undefined, line);
  }
});

Deno.test("what splitAnswer() finds has the meaning of the whole line, if it is JSON", () => {
  const isJson = (text: string) => {
    try {
      return JSON.parse(text) !== undefined;
    } catch {
      return false;
    }
  };
  for (
    const result of ['1,"result":2', '1,"id":"x"', '"a', '{"a":1', '1},{"b":1', "", " [1] ", "01"]
  ) {
    const line = `{"jsonrpc":"2.0","result":${result},"id":"a"}`;
    const text = splitAnswer(line)?.resultText ?? "";
    if (!isJson(text)) continue;
    assertEquals(readIncoming(line), {
      kind: "answer",
      id: "a",
      result: JSON.parse(text),
      error: undefined,
    });
  }
});
