import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { RateLimit } from "../../../lib/core/rate_limit.ts";

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
