import { assertEquals, assertRejects } from "@std/assert";
import { Turns } from "../../../../../lib/platform/linux/files/turns.ts";
import { NEVER } from "../../../_helpers.ts";
import { within } from "../../../../_waiting.ts";

/** Work that lasts until `finish` is called. */
function work(name: string, events: string[]) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const run = async () => {
    events.push(`${name} begins`);
    await promise;
    events.push(`${name} ends`);
    return name;
  };
  return { run, finish: resolve };
}

Deno.test("Turns lets work with one name run one at a time, and with another name beside it", async () => {
  const turns = new Turns();
  const events: string[] = [];
  const [first, second, other] = ["first", "second", "other"].map((name) => work(name, events));
  const all = [
    turns.take("a", NEVER, first!.run),
    turns.take("a", NEVER, second!.run),
    turns.take("b", NEVER, other!.run),
  ];
  other!.finish();
  assertEquals(await within(all[2]!, "the other name"), "other");
  assertEquals(events.includes("second begins"), false);
  first!.finish();
  second!.finish();
  assertEquals(await within(Promise.all(all), "all"), ["first", "second", "other"]);
  assertEquals(events.filter((event) => !event.startsWith("other")), [
    "first begins",
    "first ends",
    "second begins",
    "second ends",
  ]);
});

Deno.test("Turns passes the turn on after work that fails", async () => {
  const turns = new Turns();
  const failing = turns.take("a", NEVER, () => Promise.reject(new Error("no")));
  const next = turns.take("a", NEVER, () => Promise.resolve("done"));
  await assertRejects(() => failing, Error, "no");
  assertEquals(await within(next, "the next turn"), "done");
});

Deno.test("Turns does no work whose signal is aborted while it waits", async () => {
  const turns = new Turns();
  const events: string[] = [];
  const busy = work("busy", events);
  const first = turns.take("a", NEVER, busy.run);
  const controller = new AbortController();
  const waiting = turns.take("a", controller.signal, () => {
    events.push("too late");
    return Promise.resolve();
  });
  controller.abort(new Error("cancelled"));
  await assertRejects(() => within(waiting, "the cancellation"), Error, "cancelled");
  busy.finish();
  await first;
  assertEquals(events, ["busy begins", "busy ends"]);
});
