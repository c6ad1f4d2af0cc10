import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { RateLimit, Slots } from "../../../lib/core/admission.ts";

Deno.test("no period lets in more than the rate and one burst, whatever the pattern of requests", () => {
  const pauses = fc.array(fc.oneof(fc.constant(0), fc.integer({ max: 3000, min: 0 })), {
    maxLength: 200,
  });
  fc.assert(fc.property(fc.integer({ min: 1, max: 50 }), pauses, (perSecond, pauses) => {
    let now = 0;
    const rate = new RateLimit(perSecond, () => now);
    const letIn: number[] = [];
    for (const pause of pauses) {
      now += pause;
      const wait = rate.take();
      if (wait === 0) letIn.push(now);
      else assert(wait > 0 && wait <= Math.ceil(1000 / perSecond), `${wait} ms to wait`);
    }
    for (const [first, start] of letIn.entries()) {
      for (const [last, end] of letIn.entries()) {
        if (last < first) continue;
        const most = perSecond + (end - start) * perSecond / 1000;
        assert(last - first + 1 <= most + 1e-6, `${last - first + 1} in ${end - start} ms`);
      }
    }
  }));
});

Deno.test("a caller that waits as long as it was told is let in", () => {
  const rounds = fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), rounds, (perSecond, pauses) => {
      let now = 0;
      const rate = new RateLimit(perSecond, () => now);
      for (const pause of pauses) {
        now += pause;
        let wait = 0;
        while (wait === 0) wait = rate.take();
        now += wait;
        assertEquals(rate.take(), 0, `after ${wait} ms at ${perSecond} requests per second`);
      }
    }),
    // The sum of these fractions is 0.9999999999999998.
    { examples: [[4, [0, 359, 0]]] },
  );
});

/** What is done with slots: ask for one, give the oldest back, give up waiting, change the count. */
const step = fc.oneof(
  fc.record({ kind: fc.constantFrom("take", "give") }),
  fc.record({ kind: fc.constant("abort"), which: fc.nat(20) }),
  fc.record({ kind: fc.constant("resize"), count: fc.integer({ min: 1, max: 6 }) }),
);

Deno.test("slots are never given out twice, never lost, and in the order of asking", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(step, { maxLength: 80 }),
      async (count, steps) => {
        const slots = new Slots(count, { calls: Infinity, bytes: Infinity });
        let most = count;
        let asked = 0;
        const running: number[] = [];
        const served: number[] = [];
        const waiting = new Map<number, AbortController>();
        const turn = () => new Promise<void>((resolve) => queueMicrotask(() => resolve()));
        for (const one of steps) {
          if (one.kind === "take") {
            const number = asked++;
            const controller = new AbortController();
            waiting.set(number, controller);
            slots.take(controller.signal).then(() => {
              waiting.delete(number);
              running.push(number);
              served.push(number);
            }, () => waiting.delete(number));
          } else if (one.kind === "give") {
            if (running.shift() !== undefined) slots.give();
          } else if ("which" in one) {
            [...waiting.values()][one.which]?.abort(new Error("given up"));
          } else if ("count" in one) {
            slots.resize(one.count);
            most = one.count;
          }
          for (let turns = 0; turns < 5; turns++) await turn();
          // Slots that were taken before there were fewer are kept until they are given back.
          if (waiting.size > 0) assert(running.length >= most, "nobody waits beside a free place");
          assertEquals(slots.waiting, waiting.size);
        }
        while (running.length > 0) {
          running.shift();
          slots.give();
          for (let turns = 0; turns < 5; turns++) await turn();
        }
        assertEquals(waiting.size, 0, "everybody had a place in the end");
        assertEquals(served, served.toSorted((a, b) => a - b), "in the order of asking");
        let free = 0;
        while (slots.takeFree()) free += 1;
        assertEquals(free, most, "all slots are there again");
      },
    ),
  );
});
