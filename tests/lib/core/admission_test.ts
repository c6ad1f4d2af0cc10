import { assertEquals, assertRejects } from "@std/assert";
import { Places, RateLimit } from "../../../lib/core/admission.ts";
import { NEVER } from "../_helpers.ts";

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

/** Takes a place and tells in `order` when it has it. */
function queue(places: Places, order: string[], name: string, signal = NEVER): Promise<void> {
  return places.take(signal).then(() => void order.push(name));
}

Deno.test("Places are given in the order of asking", async () => {
  const places = new Places(1);
  const order: string[] = [];
  await queue(places, order, "first");
  const waiting = ["second", "third", "fourth"].map((name) => queue(places, order, name));
  assertEquals([order, places.waiting], [["first"], 3]);
  for (const promise of waiting) {
    places.give();
    await promise;
  }
  assertEquals(order, ["first", "second", "third", "fourth"]);
  assertEquals(places.waiting, 0);
});

Deno.test("Places are full when all are taken and the line is as long as it may be", async () => {
  const places = new Places(2, 1);
  assertEquals(places.isFull, false);
  await places.take(NEVER);
  await places.take(NEVER);
  assertEquals(places.isFull, false);
  const waiting = places.take(NEVER);
  assertEquals(places.isFull, true);
  places.give();
  await waiting;
  assertEquals(places.isFull, false);
});

Deno.test("Places lose none to those who stop waiting", async () => {
  const places = new Places(1);
  await places.take(NEVER);
  const impatient = new AbortController();
  const order: string[] = [];
  const gone = queue(places, order, "gone", impatient.signal);
  const patient = queue(places, order, "patient");
  impatient.abort(new Error("too long"));
  await assertRejects(() => gone, Error, "too long");
  assertEquals(places.waiting, 1);
  places.give();
  await patient;
  places.give();
  await queue(places, order, "next");
  assertEquals(order, ["patient", "next"]);
});

Deno.test("Places give none to those who have been aborted before", async () => {
  const places = new Places(1);
  await assertRejects(() => places.take(AbortSignal.abort(new Error("no"))), Error, "no");
  await places.take(NEVER);
  assertEquals(places.waiting, 0);
});

Deno.test("Places that were given and aborted in the same turn are still taken", async () => {
  const places = new Places(1);
  await places.take(NEVER);
  const controller = new AbortController();
  const taken = places.take(controller.signal);
  places.give();
  controller.abort(new Error("late"));
  await taken;
  const next = places.take(NEVER);
  assertEquals(places.waiting, 1);
  places.give();
  await next;
});

Deno.test("Places that become more are given to those who wait, in their order", async () => {
  const places = new Places(1);
  const order: string[] = [];
  await queue(places, order, "first");
  const waiting = ["second", "third", "fourth"].map((name) => queue(places, order, name));
  places.resize(3);
  await Promise.all(waiting.slice(0, 2));
  assertEquals([order, places.waiting], [["first", "second", "third"], 1]);
  places.give();
  await waiting[2];
});

Deno.test("Places that become fewer are given out again when so many have come back", async () => {
  const places = new Places(3, 1);
  for (let taken = 0; taken < 3; taken++) await places.take(NEVER);
  places.resize(1);
  assertEquals(places.takeFree(), false);
  const order: string[] = [];
  const waiting = queue(places, order, "next");
  assertEquals(places.isFull, true);
  places.give();
  places.give();
  await Promise.resolve();
  assertEquals([order, places.waiting], [[], 1]);
  places.give();
  await waiting;
  places.give();
  assertEquals([places.takeFree(), places.takeFree()], [true, false]);
});
