import { assert, assertEquals } from "@std/assert";
import { UnaskedBudget } from "../../host/budget.ts";

Deno.test("UnaskedBudget lets a burst in and slows down a flood", () => {
  let now = 0;
  const budget = new UnaskedBudget(() => now);
  assertEquals(budget.spend(1000, 0), 0);
  assertEquals(budget.spend(100, 0), 100);
  now += 100;
  assertEquals(budget.spend(0, 0), 0);
  now += 500;
  assertEquals(budget.spend(500, 0), 0);
  assertEquals(budget.spend(500, 0), 500);
});

Deno.test("UnaskedBudget counts bytes too, and returns those of an answer", () => {
  let now = 0;
  const budget = new UnaskedBudget(() => now);
  const second = 16 * 1024 * 1024;
  assertEquals(budget.spend(0, second), 0);
  assertEquals(budget.spend(0, second), 1000);
  assertEquals(budget.spend(0, -second), 0);
  now += 10_000;
  assertEquals(budget.spend(0, second), 0);
  assert(budget.spend(0, 1) > 0);
});
