import { assertEquals } from "@std/assert";
import { plainRequest } from "../../../../lib/dialects/qga/plain_request.ts";
import { bytesOf, cut, parseChunks } from "./_parse.ts";

const MANY = 1000;

const PLAIN = [
  '{"execute":"guest-ping"}\n',
  ' {"execute":"guest-ping"}'.trimStart(),
  '{ "execute": "guest-sync",\r\n "arguments": { "id": -123456789012345, "a": [true, null, {}] } }',
  '{"__proto__":{"a":1},"id":0}',
  '{"id":9007199254740991,"text":"1234567890123456789"}',
  '{"id":-9007199254740991}',
];
for (const text of PLAIN) {
  Deno.test(`${JSON.stringify(text)} is read natively, as the parser reads it in pieces`, () => {
    const value = plainRequest(bytesOf(text), MANY);
    assertEquals(JSON.stringify(value), JSON.stringify(JSON.parse(text)));
    assertEquals(parseChunks([bytesOf(text)]), parseChunks(cut(bytesOf(text), 1)));
  });
}

const NOT_PLAIN: readonly (readonly [string, ...(string | number)[]])[] = [
  ["a key twice", '{"a":1,"a":1}'],
  ["a key twice further in", '{"a":[{"b":1,"b":{}}]}'],
  ["a colon in a string", '{"a":"b:c"}'],
  ["an escape", '{"a":"\\ud800"}'],
  ["a float without a fraction", '{"a":1.0}'],
  ["an exponent", '{"a":1e3}'],
  ["minus zero", '{"a":-0}'],
  ["64 bits", '{"a":9007199254740993}'],
  ["64 bits further in", '{"a":[{"b":[1,-9223372036854775808]}]}'],
  ["more digits than 64 bits", '{"a":99999999999999999999}'],
  ["single quotes", "{'a':1}"],
  ["half a request", '{"a":1'],
  ["two requests", "{}{}"],
  ["a byte that is not UTF-8", '{"a":"', 0xff, '"}'],
  ["UTF-8", '{"a":"ä"}'],
  ["an array", "[]"],
  ["more than 512 bytes", `{"a":"${"x".repeat(600)}"}`],
];
for (const [what, ...parts] of NOT_PLAIN) {
  Deno.test(`${what} is left to the parser of the language, whole or in pieces`, () => {
    const bytes = bytesOf(...parts);
    assertEquals(plainRequest(bytes, MANY), undefined);
    assertEquals(parseChunks([bytes]), parseChunks(cut(bytes, 1)));
  });
}

Deno.test("objects have no prototype", () => {
  const value = plainRequest(bytesOf('{"a":{"b":[{}]}}'), MANY);
  assertEquals("toString" in Object(value), false);
  assertEquals("toString" in Object(value).a, false);
  assertEquals("toString" in Object(value).a.b[0], false);
});

Deno.test("what is longer than a message may be is not looked at", () => {
  assertEquals(plainRequest(bytesOf('{"a":1}'), 6), undefined);
});
