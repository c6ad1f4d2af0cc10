import { assert, assertEquals } from "@std/assert";
import { LineSplitter } from "../../../../lib/dialects/jsonrpc/line_splitter.ts";

const encoder = new TextEncoder();

/** What a splitter tells, in its order. */
type Told = string | { told: "too long" | "not UTF-8" };
const TOO_LONG: Told = { told: "too long" };
const NOT_UTF8: Told = { told: "not UTF-8" };

function splitterInto(told: Told[], limit: number): LineSplitter {
  return new LineSplitter(limit, {
    onLine: (line) => void told.push(line),
    onTooLong: () => void told.push(TOO_LONG),
    onNotUtf8: () => void told.push(NOT_UTF8),
  });
}

function split(chunks: readonly Uint8Array[], limit: number): Told[] {
  const told: Told[] = [];
  const splitter = splitterInto(told, limit);
  for (const chunk of chunks) {
    // As a read buffer does, it has something else in it afterwards.
    const buffer = chunk.slice();
    splitter.push(buffer);
    buffer.fill(0xff);
  }
  return told;
}

const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) => typeof part === "string" ? [...encoder.encode(part)] : part),
  );

const LIMIT = 8;

const CASES: readonly (readonly [string, Uint8Array, readonly Told[]])[] = [
  ["nothing", bytes(""), []],
  ["one line", bytes("ab\n"), ["ab"]],
  ["a line without its end", bytes("ab"), []],
  ["several lines", bytes("a\nb\nc\n"), ["a", "b", "c"]],
  ["a line ended by CRLF", bytes("ab\r\n"), ["ab"]],
  ["mixed ends", bytes("a\r\nb\nc\r\n"), ["a", "b", "c"]],
  ["empty lines", bytes("\n\n\r\n\na\n\n"), ["a"]],
  ["a carriage return within a line", bytes("a\rb\n"), ["a\rb"]],
  ["two carriage returns at the end", bytes("a\r\r\n"), ["a\r"]],
  ["only blanks", bytes(" \t\n"), [" \t"]],
  ["NULs", bytes("a\0b\n"), ["a\0b"]],
  ["a line of the limit", bytes("12345678\n"), ["12345678"]],
  ["a line of the limit and CRLF", bytes("12345678\r\n"), ["12345678"]],
  ["a line one over the limit", bytes("123456789\nok\n"), [TOO_LONG, "ok"]],
  ["a line one over the limit and CRLF", bytes("123456789\r\nok\n"), [TOO_LONG, "ok"]],
  ["the limit and two carriage returns", bytes("12345678\r\r\nok\n"), [TOO_LONG, "ok"]],
  ["a line far over the limit", bytes("1234567890".repeat(5), "\nok\n"), [TOO_LONG, "ok"]],
  [
    "two oversized lines",
    bytes("1234567890\n1234567890\nok\n"),
    [TOO_LONG, TOO_LONG, "ok"],
  ],
  ["an oversized line without its end", bytes("1234567890"), [TOO_LONG]],
  ["oversized lines between others", bytes("a\n1234567890\n\nb\n"), ["a", TOO_LONG, "b"]],
  ["characters of several bytes", bytes("aü€😀\n"), [TOO_LONG]],
  ["characters of several bytes that fit", bytes("ü€\n😀é\n"), ["ü€", "😀é"]],
  ["the limit in bytes, not characters", bytes("éééé\nééééé\n"), ["éééé", TOO_LONG]],
  ["a byte order mark", bytes("\ufeffab\n"), ["\ufeffab"]],
  ["a byte order mark alone", bytes("\ufeff\n"), ["\ufeff"]],
  ["a line that is not UTF-8", bytes("a\n", [0xff, 0x41], "\nb\n"), ["a", NOT_UTF8, "b"]],
  ["a character cut off by the end", bytes("a", [0xe2, 0x82], "\nb\n"), [NOT_UTF8, "b"]],
  ["an overlong encoding", bytes([0xc0, 0xaf], "\nb\n"), [NOT_UTF8, "b"]],
  ["an unpaired surrogate", bytes([0xed, 0xa0, 0x80], "\nb\n"), [NOT_UTF8, "b"]],
  ["UTF-16", bytes([0xff, 0xfe, 0x41, 0], "\nb\n"), [NOT_UTF8, "b"]],
  ["an oversized line that is not UTF-8", bytes(new Array(20).fill(0xff), "\nb\n"), [
    TOO_LONG,
    "b",
  ]],
  ["lines that are not UTF-8 one after the other", bytes([0xff], "\n", [0xfe], "\n"), [
    NOT_UTF8,
    NOT_UTF8,
  ]],
];

for (const [what, stream, expected] of CASES) {
  Deno.test(`LineSplitter splits ${what} the same wherever the stream is cut`, () => {
    assertEquals(split([stream], LIMIT), expected);
    assertEquals(split([...stream].map((byte) => Uint8Array.of(byte)), LIMIT), expected);
    for (let first = 0; first <= stream.byteLength; first++) {
      for (let second = first; second <= stream.byteLength; second++) {
        const chunks = [
          stream.subarray(0, first),
          stream.subarray(first, second),
          stream.subarray(second),
        ];
        assertEquals(split(chunks, LIMIT), expected, `cut at ${first} and ${second}`);
      }
    }
  });
}

Deno.test("LineSplitter splits all cases in one stream the same, however it is cut", () => {
  const whole = bytes(...CASES.map(([, stream]) => [...stream, 0x0a]));
  const expected = CASES.flatMap(([what, , told]) => {
    // Here the end that those two lack does come.
    return what === "a line without its end" ? ["ab"] : told;
  });
  for (const size of [1, 2, 3, 5, 7, 11, 64, whole.byteLength]) {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < whole.byteLength; at += size) chunks.push(whole.subarray(at, at + size));
    assertEquals(split(chunks, LIMIT), expected, `chunks of ${size}`);
  }
});

// Far from the limit, whole lines that come at once are decoded at once.
for (const [what, stream] of CASES) {
  Deno.test(`LineSplitter splits ${what} far from the limit the same, at once or in bytes`, () => {
    const limit = stream.byteLength + 1;
    const inBytes = [...stream].map((byte) => Uint8Array.of(byte));
    const told = split(inBytes, limit);
    assertEquals(split([stream], limit), told);
    assertEquals(told.includes(TOO_LONG), false);
  });
}

Deno.test("LineSplitter tells empty lines and others in their order", () => {
  const told: string[] = [];
  const splitter = new LineSplitter(100, {
    onLine: (line) => void told.push(line),
    onEmpty: () => void told.push("empty"),
    onTooLong: () => void told.push("too long"),
    onNotUtf8: () => void told.push("not UTF-8"),
  });
  splitter.push(bytes("\na\r\n\r\n\n\r\r\nb\n"));
  assertEquals(told, ["empty", "a", "empty", "empty", "\r", "b"]);
});

Deno.test("LineSplitter tells an oversized line once, when it begins to be one", () => {
  const told: Told[] = [];
  const splitter = splitterInto(told, LIMIT);
  splitter.push(bytes("123456789"));
  // One byte more may still be the carriage return of the line's end.
  assertEquals(told, []);
  splitter.push(bytes("0"));
  assertEquals(told, [TOO_LONG]);
  for (let i = 0; i < 1000; i++) splitter.push(bytes("1234567890"));
  assertEquals(told, [TOO_LONG]);
  splitter.push(bytes("\nok\n"));
  assertEquals(told, [TOO_LONG, "ok"]);
});

Deno.test("LineSplitter forgets an unfinished line on reset()", () => {
  const told: Told[] = [];
  const splitter = splitterInto(told, LIMIT);
  splitter.push(bytes("half"));
  splitter.reset();
  splitter.push(bytes("whole\n"));
  splitter.push(bytes("1234567890"));
  splitter.reset();
  splitter.push(bytes("next\n"));
  assertEquals(told, ["whole", TOO_LONG, "next"]);
});

Deno.test("LineSplitter takes a long line byte by byte without copying it each time", () => {
  const told: Told[] = [];
  const size = 1024 * 1024;
  const splitter = splitterInto(told, size);
  const byte = bytes("x");
  // Copying the line for each of its bytes would move half a terabyte here.
  for (let i = 0; i < size; i++) splitter.push(byte);
  splitter.push(bytes("\n"));
  assert(told.length === 1 && told[0] === "x".repeat(size));
});

Deno.test("LineSplitter's memory does not follow a line of 100 MB", () => {
  const told: Told[] = [];
  const splitter = splitterInto(told, 64 * 1024);
  const chunk = new Uint8Array(16 * 1024).fill(0x78);
  const before = Deno.memoryUsage().external;
  let most = 0;
  for (let i = 0; i < 6400; i++) {
    splitter.push(chunk);
    most = Math.max(most, Deno.memoryUsage().external - before);
  }
  splitter.push(bytes("\nok\n"));
  assertEquals(told, [TOO_LONG, "ok"]);
  assert(most < 4 * 1024 * 1024, `${most} bytes more`);
});

Deno.test("LineSplitter loses nothing when it gives back what long lines took", () => {
  const told: Told[] = [];
  const splitter = splitterInto(told, 10_000);
  const line = "x".repeat(5000);
  for (const part of [line, "\n", "half", " a line\n", line.slice(1), "\n"]) {
    splitter.push(encoder.encode(part));
    splitter.release(0);
  }
  assertEquals(told, [line, "half a line", line.slice(1)]);
});

Deno.test("LineSplitter works with the smallest limits", () => {
  assertEquals(split([bytes("\n\r\na\nab\n")], 1), ["a", TOO_LONG]);
  assertEquals(split([bytes("\n\r\na\n")], 0), [TOO_LONG]);
});
