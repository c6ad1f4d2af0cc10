import { assertEquals } from "@std/assert";
import { sleep } from "../../../lib/base/timer.ts";
import { LoggedPieces } from "../../../lib/core/logged_pieces.ts";
import type { LogFields } from "../../../lib/log/logger.ts";
import { until } from "../../_waiting.ts";

/** Pieces, and the lines that were written for several of them. */
function logged(togetherMs?: number) {
  const lines: LogFields[] = [];
  return { lines, pieces: new LoggedPieces((fields) => lines.push(fields), togetherMs) };
}

Deno.test("the first piece of a file has a line of its own, and those that follow have one together", () => {
  const { lines, pieces } = logged();
  const taken = [0, 300, 100, 200].map((offset) =>
    pieces.take("file_write", { path: "/f", offset }, offset)
  );
  assertEquals(taken, [false, true, true, true]);
  assertEquals(lines, []);
  pieces.end();
  pieces.end();
  assertEquals(lines, [{
    method: "file_write",
    count: 3,
    longest_ms: 300,
    outcome: "ok",
    path: "/f",
    offset: 100,
    to: 300,
  }]);
});

for (
  const [what, method, fields] of [
    ["of another method", "file_read", { path: "/f", offset: 100 }],
    ["of another file", "file_write", { path: "/g", offset: 100 }],
    ["that failed", "file_write", { path: "/f", offset: 100, code: -32000 }],
    ["at the beginning of the file", "file_write", { path: "/f", offset: 0 }],
    ["without an offset", "file_write", { path: "/f" }],
    ["without a path", "job_read", { offset: 100 }],
  ] as const
) {
  Deno.test(`a request ${what} ends the pieces before it and has a line of its own`, () => {
    const { lines, pieces } = logged();
    pieces.take("file_write", { path: "/f", offset: 100 }, 1);
    pieces.take("file_write", { path: "/f", offset: 200 }, 1);
    assertEquals(pieces.take(method, fields, 1), false);
    assertEquals(lines.map(({ count }) => count), [1]);
    pieces.end();
    assertEquals(lines.length, 1);
  });
}

Deno.test("pieces have a line from time to time while more follow", async () => {
  const { lines, pieces } = logged(20);
  let taken = 0;
  await until(() => {
    if (pieces.take("file_read", { path: "/f", offset: 100 }, 1)) taken += 1;
    return lines.length === 2;
  }, "two lines");
  pieces.end();
  assertEquals(lines.reduce((sum, { count }) => sum + Number(count), 0), taken);
});

Deno.test("a piece after a while without any has a line of its own", async () => {
  const pieces = new LoggedPieces(() => {}, 1);
  pieces.take("file_read", { path: "/f", offset: 100 }, 1);
  await until(async () => {
    await sleep(20);
    return !pieces.take("file_read", { path: "/f", offset: 100 }, 1);
  }, "a line of its own");
  pieces.end();
});
