import { assertEquals } from "@std/assert";
import {
  bytesText,
  durationText,
  fit,
  table,
  timeText,
  widthOf,
} from "../../../host/ctl/format.ts";
import { printable, printableJson } from "../../../host/ctl/printable.ts";
import { progressLine } from "../../../host/ctl/progress.ts";

for (
  const [bytes, expected] of [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [100 * 1024, "100 KiB"],
    [1024 ** 2, "1.0 MiB"],
    [23.5 * 1024 ** 3, "23.5 GiB"],
    [1024 ** 6, "1024 PiB"],
  ] as const
) {
  Deno.test(`bytesText() of ${bytes} is ${expected}`, () =>
    assertEquals(bytesText(bytes), expected));
}

for (
  const [seconds, expected] of [
    [-5, "0s"],
    [0, "0s"],
    [59.9, "59s"],
    [60, "1m 00s"],
    [3599, "59m 59s"],
    [3600, "1h 00m"],
    [86_399, "23h 59m"],
    [86_400, "1d 0h"],
    [90_000_000, "1041d 16h"],
  ] as const
) {
  Deno.test(`durationText() of ${seconds} is ${expected}`, () => {
    assertEquals(durationText(seconds), expected);
  });
}

Deno.test("fit() makes any text exactly as wide as asked, cut between characters", () => {
  for (
    const [text, columns, expected] of [
      ["abc", 5, "abc  "],
      ["abcdef", 5, "abcd…"],
      ["abcdef", 6, "abcdef"],
      ["", 3, "   "],
      ["abc", 0, ""],
      ["日本語", 6, "日本語"],
      ["日本語", 5, "日本…"],
      ["日本語", 4, "日… "],
      ["e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"],
      ["😀😀", 3, "😀…"],
    ] as const
  ) {
    assertEquals(fit(text, columns), expected);
    assertEquals(widthOf(fit(text, columns)), columns);
  }
  assertEquals(fit("7", 3, "right"), "  7");
});

Deno.test("table() aligns columns, and keeps each row on one line", () => {
  assertEquals(
    table(["NAME", "STATE"], [["a", "ready"], ["two\nlines", "no answer"]]),
    "NAME        STATE\na           ready\ntwo\\nlines  no answer",
  );
});

Deno.test("printable() makes control characters visible", () => {
  assertEquals(
    printable("a\x1b[2J\x07\r\n\t\x7f\x9b31m\u202eb"),
    "a\\x1b[2J\\x07\\x0d\\n\\t\\x7f\\x9b31m\\u202eb",
  );
  assertEquals(printable("é€😀 plain"), "é€😀 plain");
});

Deno.test("printableJson() keeps the value, without control characters", () => {
  const value = { "k\x9b": ["\x1b[2J", "\u202e", "\x7f", "é😀"], n: 1 };
  for (const indent of [undefined, 2]) {
    const text = printableJson(value, indent);
    assertEquals(JSON.parse(text), value);
    // deno-lint-ignore no-control-regex -- they are what must not be there
    assertEquals(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(text), false);
  }
});

Deno.test("progressLine() fills a terminal of any width exactly", () => {
  const half = {
    name: "disk.img",
    doneBytes: 50 * 1024 ** 2,
    totalBytes: 100 * 1024 ** 2,
    bytesPerSecond: 10 * 1024 ** 2,
  };
  assertEquals(
    progressLine(half, 79),
    "disk.img              [##########          ]  50%  50.0 MiB  10.0 MiB/s 5s left",
  );
  for (const columns of [1, 10, 20, 39, 40, 60, 80, 200]) {
    for (const name of ["f", "a very long name ".repeat(20), "日本語".repeat(30), "\x1b[31m"]) {
      for (const doneBytes of [0, 1, half.totalBytes]) {
        assertEquals(widthOf(progressLine({ ...half, name, doneBytes }, columns)), columns);
      }
    }
  }
  const empty = { name: "f", doneBytes: 0, totalBytes: 0, bytesPerSecond: 0 };
  assertEquals(/100%.*done/.test(progressLine(empty, 80)), true);
});

Deno.test("timeText() shows a time up to a unit, and a number that no calendar has", () => {
  const ms = Date.UTC(2026, 10, 21, 18, 50, 1, 23);
  assertEquals(timeText(ms, "minutes"), "2026-11-21 18:50");
  assertEquals(timeText(ms, "seconds"), "2026-11-21 18:50:01");
  assertEquals(timeText(ms, "milliseconds"), "2026-11-21 18:50:01.023");
  assertEquals(timeText(9e18, "seconds"), "9000000000000000000");
});
