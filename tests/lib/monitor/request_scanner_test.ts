import { assertEquals } from "@std/assert";
import { MAX_VALUES } from "../../../lib/base/memory/json_values.ts";
import { RequestScanner, type Scanned } from "../../../lib/monitor/request_scanner.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** The outcome for bytes that come in pieces of a size, with other bytes behind them in the buffer. */
function scan(text: string, pieceBytes: number): Scanned {
  const bytes = bytesOf(text);
  const buffer = new Uint8Array(bytes.byteLength + 16).fill('"'.charCodeAt(0));
  const scanner = new RequestScanner();
  for (let filled = 0; filled < bytes.byteLength;) {
    const end = Math.min(filled + pieceBytes, bytes.byteLength);
    buffer.set(bytes.subarray(filled, end), filled);
    const scanned = scanner.scan(buffer, filled, end);
    if (scanned !== "unfinished") return scanned;
    filled = end;
  }
  return "unfinished";
}

const WHOLE = [
  "{}",
  " \t\r\n{}",
  '{"Name":"agent.Ping"}',
  '{"a":{"b":{"c":[{},{}]}}}',
  '{"a":"}"}',
  '{"a":"{{{"}',
  '{"}{":1}',
  String.raw`{"a":"\""}`,
  String.raw`{"a":"\"}\"{"}`,
  String.raw`{"a":"\\"}`,
  String.raw`{"a":"\\\\\"}"}`,
  String.raw`{"\\":{"\"":"\\\""}}`,
  '{"ä€𝄞":"}ä{"}',
] as const;

for (const text of WHOLE) {
  Deno.test(`${text} ends with its last byte, in whatever pieces it comes, and not before`, () => {
    const { byteLength: end } = bytesOf(text);
    for (let piece = 1; piece <= end; piece++) {
      assertEquals(scan(text, piece), { end });
      for (const more of ["{", "}", '"', "\\", "\n", ' {"Name":"x"}']) {
        assertEquals(scan(text + more, piece), { end });
      }
    }
    for (let cut = 0; cut < text.length; cut++) {
      assertEquals(scan(text.slice(0, cut), 3), "unfinished", text.slice(0, cut));
    }
  });
}

for (const text of ["x", "[]", '"{}"', "}{", " null", "\ufeff{}", "\0{}", "1", "\v{}"]) {
  Deno.test(`${JSON.stringify(text)} does not begin as a request`, () => {
    for (let piece = 1; piece <= 4; piece++) assertEquals(scan(text, piece), "no object");
  });
}

Deno.test("each byte is looked at once: the worst of 64 KB takes no time", () => {
  const size = 64 * 1024;
  for (const unit of ["\\\\", '\\"', "x", "{", '"a",', '"\\\\"']) {
    const text = `{"a":${unit.startsWith("\\") ? '"' : ""}${unit.repeat(size / unit.length)}`;
    const start = performance.now();
    scan(text, size);
    scan(text, 1000);
    const ms = performance.now() - start;
    assertEquals(ms < 500, true, `${unit}: ${ms} ms`);
  }
});

for (
  const [what, text] of [
    ["elements of an array", (count: number) => `{"a":[${"1,".repeat(count - 3)}1]}`],
    ["members", (count: number) => `{${'"a":1,'.repeat(count - 1)}"a":1}`],
    ["arrays in an array", (count: number) => `{"a":[${"[],".repeat((count - 2) / 2)}[]]}`],
    ["objects in an array", (count: number) => `{"a":[${"{},".repeat((count - 2) / 2)}{}]}`],
  ] as const
) {
  Deno.test(`${what} count as values, of which a request may have ${MAX_VALUES}`, () => {
    const few = text(MAX_VALUES - 10);
    assertEquals(scan(few, 10_000), { end: few.length });
    assertEquals(scan(text(MAX_VALUES + 10), 10_000), "too many values");
  });
}
