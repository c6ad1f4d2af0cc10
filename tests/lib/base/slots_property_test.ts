import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Slots } from "../../../lib/base/slots.ts";

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
        const slots = new Slots(count, {
          calls: Infinity,
          bytes: Infinity,
          runningBytes: Infinity,
        });
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
