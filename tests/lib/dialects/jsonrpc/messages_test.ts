import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { invalidParams, parseError } from "../../../../lib/base/errors.ts";
import {
  errorText,
  isId,
  isMalformed,
  notificationText,
  parseLine,
  readRequest,
  resultParts,
  textOf,
} from "../../../../lib/dialects/jsonrpc/messages.ts";
import { JsonParts } from "../../../../lib/base/json_parts.ts";
import { UnescapedBytes } from "../../../../lib/base/json_text.ts";
import { resultText } from "../../core/_host.ts";

// The id as it stands in the request, which is how it must stand in the answer.
for (
  const [what, id] of [
    ["a string", '"abc"'],
    ["an empty string", '""'],
    ["a string that looks like a number", '"1"'],
    ["a string with escapes", '"\\" \\\\ \\n ü 😀"'],
    ["zero", "0"],
    ["a negative number", "-7"],
    ["the largest exact integer", "9007199254740991"],
    ["an integer just beyond the exact range", "9007199254740993"],
    ["the largest signed 64-bit integer", "9223372036854775807"],
    ["the smallest signed 64-bit integer", "-9223372036854775808"],
    ["the largest unsigned 64-bit integer", "18446744073709551615"],
    ["a fraction", "0.1"],
    ["a negative fraction", "-1.5"],
    ["a fraction with more digits than a double", "0.12345678901234567890123"],
    ["a number with an exponent", "1.5e-7"],
    ["a number too large for a double", "1e400"],
    ["null", "null"],
  ] as const
) {
  Deno.test(`an id that is ${what} goes back as it came`, () => {
    const line = `{"jsonrpc":"2.0","method":"m","id":${id}}`;
    const request = readRequest(parseLine(line));
    assert(!isMalformed(request));
    assert(request.id !== undefined);
    assertEquals(resultText(request.id, true), `{"jsonrpc":"2.0","result":true,"id":${id}}`);
    assertStringIncludes(errorText(request.id, parseError("x")), `"id":${id}}`);

    const [inBatch] = [parseLine(`[${line}]`)].flat();
    const requestInBatch = readRequest(inBatch);
    assert(requestInBatch.id !== undefined);
    assertStringIncludes(resultText(requestInBatch.id, true), `"id":${id}}`);
  });
}

Deno.test("readRequest() tells a notification from a request with a null id", () => {
  const notification = readRequest({ jsonrpc: "2.0", method: "m" });
  assertEquals(notification, { id: undefined, method: "m", params: {} });
  const request = readRequest({ jsonrpc: "2.0", method: "m", id: null });
  assertEquals(request, { id: null, method: "m", params: {} });
});

Deno.test("readRequest() leaves parameters as they came", () => {
  for (const params of [{}, { a: 1 }, { constructor: 1 }, [], [1, 2]]) {
    const request = readRequest({ jsonrpc: "2.0", method: "m", id: 1, params });
    assertEquals(request, { id: 1, method: "m", params });
  }
});

for (
  const [why, text, id, reason] of [
    ["a number", "1", null, "a request must be an object, received 1"],
    ["null", "null", null, "a request must be an object, received null"],
    ["a string", '"ping"', null, 'a request must be an object, received "ping"'],
    ["true", "true", null, "a request must be an object, received true"],
    ["an array", "[[1]]", null, "a request must be an object, received"],
    ["an empty object", "{}", null, 'jsonrpc must be "2.0", received nothing'],
    ["without jsonrpc", '{"method":"m","id":1}', 1, 'jsonrpc must be "2.0", received nothing'],
    ["JSON-RPC 1.0", '{"jsonrpc":"1.0","method":"m","id":1}', 1, 'jsonrpc must be "2.0"'],
    ["a jsonrpc that is a number", '{"jsonrpc":2.0,"method":"m","id":1}', 1, "received 2"],
    ["without a method", '{"jsonrpc":"2.0","id":"a"}', "a", "method must be a string"],
    ["a method that is a number", '{"jsonrpc":"2.0","method":1,"id":2}', 2, "received 1"],
    ["a method that is null", '{"jsonrpc":"2.0","method":null,"id":2}', 2, "received null"],
    ["an answer", '{"jsonrpc":"2.0","result":1,"id":3}', 3, "a response, not a request"],
    ["an error", '{"jsonrpc":"2.0","error":{},"id":3}', 3, "a response, not a request"],
    ["an id that is true", '{"jsonrpc":"2.0","method":"m","id":true}', null, "id must be"],
    ["an id that is an object", '{"jsonrpc":"2.0","method":"m","id":{}}', null, "id must be"],
    ["an id that is an array", '{"jsonrpc":"2.0","method":"m","id":[1]}', null, "id must be"],
    ["params that are null", '{"jsonrpc":"2.0","method":"m","id":1,"params":null}', 1, "params"],
    ["params that are a number", '{"jsonrpc":"2.0","method":"m","id":1,"params":5}', 1, "params"],
    ["params that are a string", '{"jsonrpc":"2.0","method":"m","id":1,"params":""}', 1, "params"],
    ["params that are false", '{"jsonrpc":"2.0","method":"m","id":1,"params":false}', 1, "params"],
    ["an unknown member", '{"jsonrpc":"2.0","method":"m","id":1,"parms":{}}', 1, '"parms"'],
    ["__proto__", '{"jsonrpc":"2.0","method":"m","id":1,"__proto__":{}}', 1, '"__proto__"'],
    ["constructor", '{"jsonrpc":"2.0","method":"m","id":1,"constructor":1}', 1, '"constructor"'],
    ["a method by __proto__", '{"jsonrpc":"2.0","id":1,"__proto__":{"method":"m"}}', 1, "method"],
  ] as const
) {
  Deno.test(`readRequest() refuses ${why}`, () => {
    const refused = readRequest(parseLine(text));
    assert(isMalformed(refused));
    assertEquals(refused.id, id);
    assertEquals(refused.error.code, -32600);
    assertStringIncludes(refused.error.data.reason, reason);
  });
}

Deno.test("readRequest() names the member that was meant", () => {
  const refused = readRequest({ jsonrpc: "2.0", method: "m", id: 1, parms: {} });
  assert(isMalformed(refused));
  assertStringIncludes(refused.error.data.reason, 'did you mean "params"');
});

Deno.test("parseLine() leaves the prototype of what it returns alone", () => {
  parseLine('{"__proto__":{"polluted":true},"id":0.5}');
  assertEquals("polluted" in {}, false);
});

Deno.test("parseLine() reads deep nesting whatever the id is", () => {
  const deep = "[".repeat(30_000) + "]".repeat(30_000);
  for (const id of ["1", "0.5", "9007199254740993"]) {
    const request = readRequest(
      parseLine(`{"jsonrpc":"2.0","method":"m","id":${id},"params":{"a":${deep}}}`),
    );
    assert(!isMalformed(request));
  }
});

Deno.test("parseLine() keeps a fraction that a parameter named id holds a number", () => {
  const line = '{"jsonrpc":"2.0","method":"m","id":0.5,"params":{"id":7.5,"deep":[{"id":2.5}]}}';
  const request = readRequest(parseLine(line));
  assert(!isMalformed(request));
  assertEquals(request.params, { id: 7.5, deep: [{ id: 2.5 }] });
});

for (
  const text of [
    "",
    "{'single': 'quotes'}",
    '{"jsonrpc":"2.0"',
    "nope",
    '{"a":01}',
    "NaN",
    "[1,]",
    '\ufeff{"jsonrpc":"2.0","method":"m","id":1}',
    '{"a":"\u0000"}',
    "\u0000",
    "{} {}",
  ]
) {
  Deno.test(`parseLine() throws a SyntaxError for ${JSON.stringify(text)}`, () => {
    assertThrows(() => parseLine(text), SyntaxError);
  });
}

Deno.test("isId() takes strings, finite numbers, raw numbers and null", () => {
  const ids = ["", "a", 0, -1, 0.5, null, JSON.rawJSON("9007199254740993")];
  assertEquals(ids.filter((id) => !isId(id)), []);
  assertEquals([undefined, true, {}, [], NaN, Infinity, Symbol("a")].filter(isId), []);
});

Deno.test("errorText() has the table's message and what happened in data", () => {
  assertEquals(
    JSON.parse(errorText(7, invalidParams("path is missing", { params: ["path"] }))),
    {
      jsonrpc: "2.0",
      error: {
        code: -32602,
        message: "Invalid params",
        data: { reason: "path is missing", params: ["path"] },
      },
      id: 7,
    },
  );
});

Deno.test("notificationText() has no id", () => {
  assertEquals(
    notificationText("agent_ready", { version: "1" }),
    '{"jsonrpc":"2.0","method":"agent_ready","params":{"version":"1"}}',
  );
});

Deno.test("messages never hold a line's end of their own", () => {
  assertEquals(resultText("a\nb", "c\r\nd").includes("\n"), false);
  assertEquals(errorText("a\nb", parseError("c\nd")).includes("\n"), false);
});

Deno.test("plain text in a result goes out as its bytes, the rest around it as JSON", () => {
  const bytes = new TextEncoder().encode("AAECAw==");
  const content = new UnescapedBytes(bytes);
  for (const result of [{ content }, { content, size: 4 }, { a: "ä", content, b: null }]) {
    for (const id of ['a"b', 7, null]) {
      const parts = resultParts(id, result);
      assertEquals(parts.length, 3);
      assert(parts[1] === content, "not a copy");
      const message = { jsonrpc: "2.0", result: { ...result, content: "AAECAw==" }, id };
      assertEquals(JSON.parse(textOf(parts)), message);
    }
  }
});

Deno.test("two texts in a result go out as their bytes, with what has been escaped in them", () => {
  const [stdout, stderr] = ['a\\"b\\n€', "plain"].map((json) =>
    new UnescapedBytes(new TextEncoder().encode(json))
  );
  const parts = resultParts(1, { exit_code: 0, stdout, stderr, last: true });
  assert(parts.includes(stdout ?? "") && parts.includes(stderr ?? ""), "not copies");
  const result = { exit_code: 0, stdout: 'a"b\n€', stderr: "plain", last: true };
  assertEquals(JSON.parse(textOf(parts)), { jsonrpc: "2.0", result, id: 1 });
  assertEquals(JSON.parse(JSON.stringify({ stdout, stderr })), {
    stdout: result.stdout,
    stderr: result.stderr,
  });
});

Deno.test("a result that is JSON already goes out in its parts", () => {
  const bytes = new TextEncoder().encode('{"name":"€"},{"name":"b"}');
  const result = new JsonParts(['{"all":[', bytes, "]}"]);
  const parts = resultParts(7, result);
  assert(parts.includes(bytes), "not a copy");
  const value = { all: [{ name: "€" }, { name: "b" }] };
  assertEquals(JSON.parse(textOf(parts)), { jsonrpc: "2.0", result: value, id: 7 });
  assertEquals(JSON.parse(JSON.stringify({ result })), { result: value });
});

Deno.test("plain text deeper in a result is text like any other", () => {
  const plain = new UnescapedBytes(new TextEncoder().encode("QQ=="));
  for (const result of [[plain], { deep: { plain } }, plain]) {
    const { result: sent } = JSON.parse(resultText(1, result));
    assertEquals(sent, JSON.parse(JSON.stringify(result)));
  }
});
