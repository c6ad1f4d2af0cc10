import { assert, assertEquals, assertMatch } from "@std/assert";
import { bytesOf, cut, parseChunks, type Parsed } from "./_parse.ts";

const parse = (...parts: readonly (string | number)[]): Parsed[] =>
  parseChunks([bytesOf(...parts)]);
const errorsOf = (parsed: readonly Parsed[]) =>
  parsed.map((one) => "error" in one ? one.error : "");

const VALUES: readonly (readonly [string, string])[] = [
  ["{}", "{}"],
  ["[]", "[]"],
  ["[[],{}]", "[[],{}]"],
  ['{"a":1,"b":[true,false,null]}', '{"a":1,"b":[true,false,null]}'],
  ["{'a':'b\"c'}", '{"a":"b\\"c"}'],
  ["['it\\'s', \"it\\'s\"]", '["it\'s","it\'s"]'],
  ['["\\u0041\\ud83d\\ude00\\b\\f\\n\\r\\t\\/\\\\"]', '["A😀\\b\\f\\n\\r\\t/\\\\"]'],
  ['["\\u0000"]', '["\\u0000"]'],
  ["[9007199254740993]", "[9007199254740993]"],
  ["[9223372036854775807,-9223372036854775808]", "[9223372036854775807,-9223372036854775808]"],
  ["[18446744073709551615]", "[18446744073709551615]"],
  ["[18446744073709551616]", "[1.8446744073709552e19]"],
  ["[-9223372036854775809]", "[-9223372036854775808]"],
  ["[-0]", "[0]"],
  ["[0,-1,10]", "[0,-1,10]"],
  ["[1.5,1e3,1.0,1E-2,2e+2]", "[1.5,1000,1,0.01,200]"],
  ["\t{ \r\n}", "{}"],
  ['{"__proto__":1}', '{"__proto__":1}'],
];
for (const [text, json] of VALUES) {
  Deno.test(`${JSON.stringify(text)} is a value`, () => {
    const parsed = parse(text);
    assertEquals(parsed.length, 1);
    const [one] = parsed;
    assert(one !== undefined && "json" in one, JSON.stringify(one));
    assertEquals(JSON.parse(one.json), JSON.parse(json));
  });
}

Deno.test("a float has 17 digits, and the zeros of its exponent", () => {
  assertEquals(parse("[0.1,-1e-130,1e20,100.0,0.0]"), [
    { json: "[0.10000000000000001,-1.0000000000000001e-130,1e+20,100,0]" },
  ]);
});

Deno.test("a number of 64 bits keeps its digits", () => {
  assertEquals(parse("[9007199254740993,-9223372036854775808,18446744073709551615]"), [
    { json: "[9007199254740993,-9223372036854775808,18446744073709551615]" },
  ]);
});

const BROKEN: readonly (readonly [string, readonly string[]])[] = [
  ["hello world\n", ["invalid keyword 'hello'", "invalid keyword 'world'"]],
  ["}", ["expecting value"]],
  [",", ["expecting value"]],
  ['{"a" 1}', ["missing : in object pair"]],
  ['{"a":1 "b":2}', ["expected separator in dict"]],
  ["[1 2]", ["expected separator in list"]],
  ["[1,]", ["expecting value"]],
  ["{1:2}", ["key is not a string in object"]],
  ["{[]:2}", ["key is not a string in object"]],
  ['{"a":1,}', ["key is not a string in object"]],
  ['{"a":1,"a":2}', ["duplicate key"]],
  ["{]", ["key is not a string in object"]],
  ['["\\ud800"]', ["lone surrogate"]],
  ['["\\uffff"]', ["noncharacter"]],
  ['["\ufdd0"]', ["noncharacter"]],
  ['["\\x"]', ["invalid escape"]],
  ['["\\u00g0"]', ["invalid hex escape"]],
  ["[tru]", ["invalid keyword 'tru'"]],
];
for (const [text, errors] of BROKEN) {
  Deno.test(`${JSON.stringify(text)} is refused once for each broken message`, () => {
    const found = errorsOf(parse(text));
    assertEquals(found.length, errors.length, JSON.stringify(found));
    for (const [index, error] of errors.entries()) {
      assert(found[index]?.startsWith("JSON parse error, "), found[index]);
      assert(found[index]?.includes(error), found[index]);
    }
    // The parser is itself again.
    assertEquals(parse(text, '\n{"a":1}').at(-1), { json: '{"a":1}' });
  });
}

const STRAY: readonly (readonly [string, readonly (string | number)[]])[] = [
  ["a newline in a string", ['{"a":"b\n']],
  ["a control character in a string", ['{"a":"b\u0001']],
  ["a leading zero", ['{"a":01']],
  ["a minus alone", ["[-]"]],
  ["a point without digits", ["[1.]"]],
  ["an exponent without digits", ["[1e]"]],
  ["a percent sign", ["%"]],
  ["a capital letter", ["Null"]],
  ["0xFF within a string", ['{"a":"', 0xff]],
  ["0xFE within a string", ['{"a":"', 0xfe]],
  ["0xFF after a backslash", ['{"a":"\\', 0xff]],
  ["0xFF within a number", ["[12", 0xff]],
  ["0xFF within a word", ["[tru", 0xff]],
  ["0xFF between tokens", ['{"a":', 0xff]],
];
for (const [what, parts] of STRAY) {
  Deno.test(`${what} drops what was begun, at once`, () => {
    const [first] = errorsOf(parse(...parts));
    assertMatch(first ?? "", /^JSON parse error, stray '/);
    assertEquals(parse(...parts, "\n", '{"a":1}').at(-1), { json: '{"a":1}' });
  });
}

Deno.test("each 0xFF is an error of its own, and what follows is a message", () => {
  const parsed = parse(0xff, 0xff, "{}", 0xff, "[]");
  assertEquals(parsed.map((one) => "json" in one ? one.json : "error"), [
    "error",
    "error",
    "{}",
    "error",
    "[]",
  ]);
});

Deno.test("0xFF in every place of a request ends it, and the next request is understood", () => {
  const request = `{"execute":"guest-sync","arguments":{"id":-12.5e1,"x":'\\u00e4'}}`;
  for (let at = 1; at < request.length; at++) {
    const parsed = parse(request.slice(0, at), 0xff, '{"id":1}');
    assertEquals(parsed.length, 2, `at ${at}: ${JSON.stringify(parsed)}`);
    assertEquals(parsed[1], { json: '{"id":1}' });
  }
});

Deno.test("bytes that are not UTF-8 in a string are refused with their message", () => {
  const parsed = parse('{"a":"', 0xc3, 0x28, '"}', "{}");
  assertEquals(parsed, [
    { error: "JSON parse error, invalid UTF-8 sequence in string" },
    { json: "{}" },
  ]);
});

Deno.test("messages need nothing between them", () => {
  assertEquals(parse('{"a":1}[2]"x"{}').map((one) => "json" in one && one.json), [
    '{"a":1}',
    "[2]",
    '"x"',
    "{}",
  ]);
});

Deno.test("a request may come in single bytes, and a long string in pieces of any size", () => {
  const content = "QUJD".repeat(5000);
  const bytes = bytesOf(`{"buf":"${content}\\n","x":'ä😀'}`);
  for (const size of [1, 7, 4096, 16_384]) {
    const [one] = parseChunks(cut(bytes, size));
    assert(one !== undefined && "json" in one);
    assertEquals(JSON.parse(one.json), { buf: `${content}\n`, x: "ä😀" });
  }
});

Deno.test("1,024 levels are taken; one more is refused, and the line skipped", () => {
  const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}\n`;
  assertEquals(parse(nested(1024)), [{ json: nested(1024).trim() }]);
  for (const depth of [1025, 100_000]) {
    const parsed = parseChunks(cut(bytesOf(nested(depth), "{}"), 65_536));
    assertMatch(errorsOf(parsed)[0] ?? "", /^JSON nesting depth limit exceeded/);
    assertEquals(parsed.slice(1), [{ json: "{}" }]);
  }
});

const LIMITS = { bytes: 1000, tokens: 100, depth: 1024 };

Deno.test("a message over the size limit is told once, and skipped to the end of its line", () => {
  for (
    const text of [
      `{"a":"${"x".repeat(5000)}"}`,
      `[${"1".repeat(5000)}]`,
      '["aaaaaaaaaaaa",'.repeat(400),
    ]
  ) {
    for (const end of ["\n", 0xff]) {
      const parsed = parseChunks(cut(bytesOf(text, end, "{}"), 64), { ...LIMITS, tokens: 10_000 });
      assertMatch(errorsOf(parsed)[0] ?? "", /^JSON token size limit exceeded/);
      assertEquals(parsed.length, end === "\n" ? 2 : 3, "0xFF is an error of its own");
      assertEquals(parsed.at(-1), { json: "{}" });
    }
  }
});

Deno.test("a message over the number of tokens is told once", () => {
  const parsed = parseChunks([bytesOf(`[${"1,".repeat(200)}1]\n{}`)], LIMITS);
  assertMatch(errorsOf(parsed)[0] ?? "", /^JSON token count limit exceeded/);
  assertEquals(parsed.slice(1), [{ json: "{}" }]);
});

const RECOVERIES: readonly (readonly [string, readonly (string | number)[], number])[] = [
  ["a string after a stray letter is skipped", ['W"id"\n'], 1],
  ["a tab does not end the skipping", ['W\t"id"\n'], 1],
  ["a newline does", ['W\n"id"\n'], 2],
  ["a bracket does", ['W["id"]'], 2],
  ["a number before 0xFF is a value", ["12", 0xff], 2],
  ["a word before 0xFF is a value", ["true", 0xff], 2],
  ["a number that is not complete is dropped by 0xFF", ["1.", 0xff], 1],
];
for (const [what, parts, count] of RECOVERIES) {
  Deno.test(`after an error, as in qemu-ga: ${what}`, () => {
    assertEquals(parseChunks([bytesOf(...parts)]).length, count);
  });
}
