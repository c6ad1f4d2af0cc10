import { assert, assertEquals } from "@std/assert";
import { Patience, slowdown } from "../../../scripts/vm/patience.ts";

Deno.test("slowdown() never shortens a deadline", () => {
  assert(slowdown() >= 1, `${slowdown()}`);
});

Deno.test("a deadline passes, and stays passed", async () => {
  const patience = new Patience(0);
  await patience.over(new AbortController().signal);
  assertEquals(patience.isOver, true);
});

Deno.test("over() ends when it is aborted", async () => {
  const patience = new Patience(3_600_000);
  const controller = new AbortController();
  const over = patience.over(controller.signal);
  controller.abort();
  await over;
  assertEquals(patience.isOver, false);
});
