import { assertEquals } from "@std/assert";
import { RateLimit } from "../../../lib/core/rate_limit.ts";

/** A clock that a test moves. */
class Clock {
  ms = 0;
  readonly now = () => this.ms;
}

Deno.test("RateLimit lets a second's worth in at once and then tells how long to wait", () => {
  const clock = new Clock();
  const rate = new RateLimit(4, clock.now);
  assertEquals([1, 2, 3, 4].map(() => rate.take()), [0, 0, 0, 0]);
  assertEquals(rate.take(), 250);
  clock.ms += 100;
  assertEquals(rate.take(), 150);
});

Deno.test("RateLimit lets one in exactly when it said it would", () => {
  for (const perSecond of [1, 3, 7, 100, 9999]) {
    const clock = new Clock();
    const rate = new RateLimit(perSecond, clock.now);
    for (let i = 0; i < perSecond; i++) rate.take();
    const wait = rate.take();
    clock.ms += wait;
    assertEquals(rate.take(), 0, `${perSecond} a second`);
  }
});

Deno.test("RateLimit saves up no more than a second's worth", () => {
  const clock = new Clock();
  const rate = new RateLimit(3, clock.now);
  clock.ms += 3_600_000;
  assertEquals([1, 2, 3].map(() => rate.take()), [0, 0, 0]);
  assertEquals(rate.take() > 0, true);
});

Deno.test("RateLimit lets in the rate over a long time, however it is asked", () => {
  for (const stepMs of [1, 3, 10, 333]) {
    const clock = new Clock();
    const rate = new RateLimit(100, clock.now);
    let letIn = 0;
    for (; clock.ms < 10_000; clock.ms += stepMs) {
      while (rate.take() === 0) letIn += 1;
    }
    // A second's worth at the beginning, and then 100 a second.
    assertEquals(letIn >= 1050 && letIn <= 1100, true, `${letIn} with steps of ${stepMs} ms`);
  }
});
