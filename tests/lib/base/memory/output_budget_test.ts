import { assert, assertEquals } from "@std/assert";
import { OutputBudget } from "../../../../lib/base/memory/output_budget.ts";
import { within } from "../../../_waiting.ts";

const LONG_MS = 60_000;
const SHORT_MS = 20;

const budgetOf = (bytes: number, patienceMs = LONG_MS) => new OutputBudget({ bytes, patienceMs });

/** Whether a promise is settled once everything that is due has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => settled = true);
  await new Promise((resolve) => setTimeout(resolve));
  return settled;
}

Deno.test("commands share the budget, and one without room gets it when another gives it back", async () => {
  const budget = budgetOf(100);
  const [first, second] = [budget.open(), budget.open()];
  assertEquals([first.take(60), second.take(40)], [true, true]);
  const taking = second.take(20);
  assert(taking !== true && !await isSettled(taking));
  first.give(20);
  assertEquals(await within(taking, "room"), true);
  assertEquals([first.heldBytes, second.heldBytes, budget.heldBytes], [40, 60, 100]);
  first.close();
  second.close();
  assertEquals(budget.heldBytes, 0);
});

Deno.test("a command that is alone may hold more than the budget", () => {
  const share = budgetOf(100).open();
  assertEquals([share.take(90), share.take(500)], [true, true]);
});

Deno.test("whoever came first gets room first, unless a later one has ended", async () => {
  const budget = budgetOf(100);
  const [holder, early, late, ended] = Array.from({ length: 4 }, () => budget.open());
  assert(holder !== undefined && early !== undefined && late !== undefined && ended !== undefined);
  assertEquals(holder.take(100), true);
  const takings = [early.take(50), late.take(50)];
  ended.end();
  assertEquals(ended.take(30), true, "its answer will soon leave");
  assertEquals(budget.heldBytes, 130);
  ended.close();
  holder.give(50);
  assert(takings[0] !== true && takings[1] !== true);
  assertEquals(await within(Promise.resolve(takings[0]), "room"), true);
  assert(takings[1] !== undefined && !await isSettled(takings[1]));
  early.close();
  assertEquals(await within(Promise.resolve(takings[1]), "room"), true);
});

Deno.test("of the commands that have ended, one at a time exceeds the budget; the others wait for it", async () => {
  const budget = budgetOf(100, SHORT_MS);
  const [holder, first, second] = [budget.open(), budget.open(), budget.open()];
  assertEquals(holder.take(100), true);
  first.end();
  second.end();
  assertEquals([first.take(50), first.take(50)], [true, true]);
  const taking = second.take(50);
  assert(taking !== true);
  await new Promise((resolve) => setTimeout(resolve, 5 * SHORT_MS));
  assertEquals(await isSettled(taking), false, "its output is complete, so it loses nothing");
  first.close();
  assertEquals(await within(taking, "room"), true);
});

Deno.test("a command that runs and finds no room for long is told that there is none", async () => {
  const budget = budgetOf(100, SHORT_MS);
  const [holder, share] = [budget.open(), budget.open()];
  assertEquals(holder.take(100), true);
  assertEquals(await within(Promise.resolve(share.take(1)), "the refusal"), false);
  assertEquals(share.heldBytes, 0);
  holder.close();
  assertEquals(share.take(1), true);
});

Deno.test("a command that ends while it waits gets room", async () => {
  const budget = budgetOf(100);
  const [holder, share] = [budget.open(), budget.open()];
  assertEquals(holder.take(100), true);
  const taking = share.take(50);
  share.end();
  assertEquals(await within(Promise.resolve(taking), "room"), true);
});

Deno.test("a closed share gets nothing, waits for nothing, and leaves what others hold", async () => {
  const budget = budgetOf(100);
  const [holder, share] = [budget.open(), budget.open()];
  assertEquals(holder.take(100), true);
  const taking = share.take(1);
  share.close();
  assertEquals(await within(Promise.resolve(taking), "the refusal"), false);
  assertEquals(await within(Promise.resolve(share.take(1)), "the refusal"), false);
  share.close();
  assertEquals(budget.heldBytes, 100);
});
