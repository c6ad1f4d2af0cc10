import { assertEquals } from "@std/assert";
import { RequestCounters } from "../../../lib/core/request_counters.ts";

const make = () => new RequestCounters(new Set(["ping", "file_read"]));

Deno.test("requests are counted by method and outcome", () => {
  const counters = make();
  counters.finished("ping", undefined);
  counters.finished("ping", undefined);
  counters.finished("ping", -32603);
  counters.finished("file_read", -32001);
  assertEquals(Object.fromEntries(counters.methods), {
    ping: { ok: 2, error: 1 },
    file_read: { ok: 0, error: 1 },
  });
  assertEquals([counters.rejected, counters.malformed], [0, 0]);
});

Deno.test("whatever names are made up, they are one", () => {
  const counters = make();
  for (let number = 0; number < 1000; number++) counters.finished(`made up ${number}`, -32601);
  counters.finished("__proto__", -32601);
  assertEquals([...counters.methods], [["unknown", { ok: 0, error: 1001 }]]);
});

Deno.test("what was not let in is counted apart", () => {
  const counters = make();
  counters.finished("ping", -32004);
  counters.countMalformed();
  counters.countMalformed();
  assertEquals([counters.methods.size, counters.rejected, counters.malformed], [0, 1, 2]);
});
