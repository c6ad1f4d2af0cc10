import { assert, assertEquals } from "@std/assert";
import {
  base64Capacity,
  base64Length,
  encodeBase64,
  fitText,
  jsonBytes,
  parseExactly,
  utf8Bytes,
} from "../../../lib/base/json_text.ts";
import { byteLength } from "../_helpers.ts";

const SAMPLES = [
  "",
  "a",
  "plain text",
  '"quoted" and \\ back',
  "line\nline\ttab\r",
  "\u0000\u0001\u001f\u007f",
  "äöü",
  "€€€",
  "😀",
  "😀a",
  "a😀",
  "😀😀😀😀",
  "a😀b\u0000c€d\n😀",
  "\u2028\u2029",
  "\u0000".repeat(20),
  "x".repeat(50) + "😀".repeat(10),
];

/** By definition: the longest beginning of whole characters that fits. */
function longestFitting(text: string, maxBytes: number): string {
  let fitting = "";
  for (const character of text) {
    if (jsonBytes(fitting + character) > maxBytes) break;
    fitting += character;
  }
  return fitting;
}

Deno.test("utf8Bytes() counts what TextEncoder makes, however long and wherever a pair stands", () => {
  for (const character of ["a", "ä", "€", "😀", "\ud800", "\udc00", "a😀", "😀a"]) {
    for (const before of [0, 1, 2, 4093, 4094, 4095, 4096, 4097, 8191]) {
      for (const count of [0, 1, 2, 5000]) {
        const text = "x".repeat(before) + character.repeat(count);
        assertEquals(utf8Bytes(text), byteLength(text), `${before}, ${character}, ${count}`);
      }
    }
  }
});

Deno.test("jsonBytes() counts what the text takes within a JSON string", () => {
  for (
    const [text, bytes] of [
      ["", 0],
      ["abc", 3],
      ["ä", 2],
      ["€", 3],
      ["😀", 4],
      ["\n", 2],
      ['"', 2],
      ["\\", 2],
      ["\u0001", 6],
      ["\ud800", 6],
    ] as const
  ) {
    assertEquals(jsonBytes(text), bytes, JSON.stringify(text));
  }
});

for (const text of SAMPLES) {
  Deno.test(`fitText() cuts ${JSON.stringify(text).slice(0, 40)} to the longest that fits`, () => {
    for (let maxBytes = 0; maxBytes <= jsonBytes(text) + 8; maxBytes++) {
      const fitted = fitText(text, maxBytes);
      assert(jsonBytes(fitted) <= maxBytes, `${jsonBytes(fitted)} bytes of ${maxBytes}`);
      assert(fitted.isWellFormed(), "no half of a pair");
      assertEquals(fitted, longestFitting(text, maxBytes), `at most ${maxBytes} bytes`);
    }
  });
}

Deno.test("fitText() cuts a long text in little time", () => {
  const text = "ä".repeat(1024 * 1024);
  assertEquals(fitText(text, 1024 * 1024).length, 512 * 1024);
  assertEquals(fitText(text, 4 * 1024 * 1024), text);
});

Deno.test("base64Capacity() is the most bytes whose base64 fits", () => {
  for (let maxBytes = 0; maxBytes < 100; maxBytes++) {
    const capacity = base64Capacity(maxBytes);
    assert(new Uint8Array(capacity).toBase64().length <= maxBytes);
    assert(new Uint8Array(capacity + 1).toBase64().length > maxBytes);
  }
});

Deno.test("encodeBase64() writes what toBase64() makes of the whole, at any length", () => {
  for (const length of [0, 1, 2, 3, 4, 12_287, 12_288, 12_289, 24_576, 24_577, 48_000]) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    const target = new Uint8Array(base64Length(length) + 5);
    const text = encodeBase64(bytes, target);
    assertEquals(text.toJSON(), bytes.toBase64(), `${length} bytes`);
    assertEquals(text.bytes.byteLength, base64Length(length));
  }
});

for (
  const text of [
    "12345678901234567890",
    "1.50",
    "-0",
    "1e400",
    "1E2",
    '{"a":[1,2.5,{"b":10000000000000000000001}],"__proto__":{"c":1.0}}',
    '"1.50"',
    "null",
  ]
) {
  Deno.test(`parseExactly() keeps ${text} as it is written`, () => {
    assertEquals(JSON.stringify(parseExactly(text)), text);
  });
}

Deno.test("parseExactly() leaves numbers that are exact as numbers", () => {
  assertEquals(parseExactly('{"a":[1,-2.5,0]}'), { a: [1, -2.5, 0] });
});
