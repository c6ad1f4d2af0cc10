import { assertEquals } from "@std/assert";
import { type Holder, MemoryBudget } from "../../../host/daemon/memory_budget.ts";

class TestHolder implements Holder {
  readonly reasons: string[] = [];

  cutOff(why: string): void {
    this.reasons.push(why);
  }
}

Deno.test("MemoryBudget cuts off the holder that takes most when all take too much", () => {
  const budget = new MemoryBudget(100);
  const [large, small] = [new TestHolder(), new TestHolder()];
  budget.add(large, 70);
  budget.add(small, 30);
  assertEquals([large.reasons.length, small.reasons.length], [0, 0]);
  budget.add(small, 1);
  assertEquals([large.reasons.length, small.reasons.length], [1, 0]);
  assertEquals([budget.total, budget.heldBy(large)], [31, 0]);
});

Deno.test("MemoryBudget counts what is given back, and forgets who has left", () => {
  const budget = new MemoryBudget(100);
  const [one, other] = [new TestHolder(), new TestHolder()];
  budget.add(one, 90);
  budget.add(one, -80);
  budget.add(other, 90);
  assertEquals([...one.reasons, ...other.reasons], []);
  budget.remove(other);
  assertEquals(budget.total, 10);
});
