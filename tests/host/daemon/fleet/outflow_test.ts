import { assertEquals } from "@std/assert";
import { Outflow } from "../../../../host/daemon/fleet/outflow.ts";

const MIB = 1024 * 1024;

Deno.test("small answers are not waited for", () => {
  const outflow = new Outflow({ flush: () => Promise.reject(new Error("asked")) });
  for (let count = 0; count < 100; count++) outflow.sent(1000);
  assertEquals(outflow.congestion, undefined);
});

Deno.test("large answers are waited for until the server has taken them, and then no longer", async () => {
  const asked: PromiseWithResolvers<void>[] = [];
  const outflow = new Outflow({
    flush: () => {
      const flush = Promise.withResolvers<void>();
      asked.push(flush);
      return flush.promise;
    },
  });
  for (let count = 0; count < 5; count++) outflow.sent(MIB + 1);
  const { congestion } = outflow;
  // The first answer has gone out before the question, the others after it.
  assertEquals([asked.length, congestion === undefined], [1, false]);
  asked[0]?.resolve();
  await congestion;
  assertEquals([asked.length, outflow.congestion === undefined], [2, false]);
  asked[1]?.resolve();
  await outflow.congestion;
  assertEquals([asked.length, outflow.congestion], [2, undefined]);
});

Deno.test("a lost connection has taken everything with it", async () => {
  const outflow = new Outflow({ flush: () => Promise.reject(new Error("disconnected")) });
  outflow.sent(10 * MIB);
  await outflow.congestion;
  assertEquals(outflow.congestion, undefined);
});
