import { assertEquals } from "@std/assert";
import { invalidParams } from "../../../lib/base/errors.ts";
import {
  errorAnswer,
  errorFrom,
  lineOf,
  parseAnswer,
  parseRequest,
} from "../../../lib/privileged/messages.ts";

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trimEnd();

Deno.test("a request survives its line", () => {
  const request = { operation: "time_set", params: { user: "a\nb" }, sent_at_ms: 5 };
  assertEquals(parseRequest(textOf(lineOf(request))), request);
});

Deno.test("an error survives its line with code, reason and details", () => {
  const answer = parseAnswer(textOf(lineOf(errorAnswer(invalidParams("no", { params: ["a"] })))));
  if (answer === undefined || !("error" in answer)) throw new Error("not an error");
  const error = errorFrom(answer.error);
  assertEquals([error.code, error.data], [-32602, { reason: "no", params: ["a"] }]);
});

Deno.test("a path that is not UTF-8 is text that every reader takes", () => {
  const line = textOf(lineOf({ result: { frozen: ["/a\udcff"] } }));
  assertEquals(line, '{"result":{"frozen":["/a\ufffd"]}}');
});

for (
  const text of [
    "",
    "nonsense",
    "[]",
    "null",
    '{"operation":1,"params":{},"sent_at_ms":1}',
    '{"operation":"a","params":{},"sent_at_ms":1,"peer":"0-1-0"}',
    '{"error":{"kind":"toString","reason":"","details":{}}}',
    '{"error":{"kind":"timeout","details":{}}}',
    '{"thawed":"perhaps"}',
  ]
) {
  Deno.test(`${text === "" ? "an empty line" : text} is neither a request nor an answer`, () => {
    assertEquals([parseRequest(text), parseAnswer(text)], [undefined, undefined]);
  });
}
