import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Slots } from "../../../lib/base/slots.ts";
import { NEVER } from "../_helpers.ts";

const LIMITS = { calls: 10, bytes: 1000, runningBytes: 1000 };

/** Takes a place and tells in `order` when it has it. */
function queue(
  slots: Slots,
  order: string[],
  name: string,
  { signal = NEVER, bytes = 0 }: { signal?: AbortSignal; bytes?: number } = {},
): Promise<void> {
  return slots.take(signal, bytes).then(() => void order.push(name));
}

Deno.test("Slots are given in the order of asking", async () => {
  const slots = new Slots(1);
  const order: string[] = [];
  await queue(slots, order, "first");
  const waiting = ["second", "third", "fourth"].map((name) => queue(slots, order, name));
  assertEquals([order, slots.waiting], [["first"], 3]);
  for (const promise of waiting) {
    slots.give();
    await promise;
  }
  assertEquals(order, ["first", "second", "third", "fourth"]);
  assertEquals(slots.waiting, 0);
});

Deno.test("Slots refuse a call when all are taken and the queue is full", async () => {
  const slots = new Slots(2, { ...LIMITS, calls: 1 });
  assertEquals(slots.refusal(0) !== undefined, false);
  await slots.take(NEVER);
  await slots.take(NEVER);
  assertEquals(slots.refusal(0) !== undefined, false);
  const waiting = slots.take(NEVER);
  assertEquals(slots.refusal(0) !== undefined, true);
  slots.give();
  await waiting;
  assertEquals(slots.refusal(0) !== undefined, false);
});

Deno.test("a call that stops waiting costs no slot", async () => {
  const slots = new Slots(1);
  await slots.take(NEVER);
  const impatient = new AbortController();
  const order: string[] = [];
  const gone = queue(slots, order, "gone", { signal: impatient.signal });
  const patient = queue(slots, order, "patient");
  impatient.abort(new Error("too long"));
  await assertRejects(() => gone, Error, "too long");
  assertEquals(slots.waiting, 1);
  slots.give();
  await patient;
  slots.give();
  await queue(slots, order, "next");
  assertEquals(order, ["patient", "next"]);
});

Deno.test("a call that was aborted before gets no slot", async () => {
  const slots = new Slots(1);
  await assertRejects(() => slots.take(AbortSignal.abort(new Error("no"))), Error, "no");
  await slots.take(NEVER);
  assertEquals(slots.waiting, 0);
});

Deno.test("a slot given and aborted in the same turn is still taken", async () => {
  const slots = new Slots(1);
  await slots.take(NEVER);
  const controller = new AbortController();
  const taken = slots.take(controller.signal);
  slots.give();
  controller.abort(new Error("late"));
  await taken;
  const next = slots.take(NEVER);
  assertEquals(slots.waiting, 1);
  slots.give();
  await next;
});

Deno.test("additional slots go to the calls that wait, in their order", async () => {
  const slots = new Slots(1);
  const order: string[] = [];
  await queue(slots, order, "first");
  const waiting = ["second", "third", "fourth"].map((name) => queue(slots, order, name));
  slots.resize(3);
  await Promise.all(waiting.slice(0, 2));
  assertEquals([order, slots.waiting], [["first", "second", "third"], 1]);
  slots.give();
  await waiting[2];
});

Deno.test("fewer slots are given out again once enough have come back", async () => {
  const slots = new Slots(3, { ...LIMITS, calls: 1 });
  for (let taken = 0; taken < 3; taken++) await slots.take(NEVER);
  slots.resize(1);
  assertEquals(slots.takeFree(), false);
  const order: string[] = [];
  const waiting = queue(slots, order, "next");
  assertEquals(slots.refusal(0) !== undefined, true);
  slots.give();
  slots.give();
  await Promise.resolve();
  assertEquals([order, slots.waiting], [[], 1]);
  slots.give();
  await waiting;
  slots.give();
  assertEquals([slots.takeFree(), slots.takeFree()], [true, false]);
});

Deno.test("Slots refuse a call when the bytes that wait are over the limit", async () => {
  const slots = new Slots(1, { ...LIMITS, bytes: 100 });
  assertEquals(slots.refusal(1000), undefined);
  await slots.take(NEVER, 1000);
  // The first to wait may have any size.
  assertEquals(slots.refusal(1000), undefined);
  const first = slots.take(NEVER, 60);
  assertEquals(slots.refusal(40), undefined);
  assertStringIncludes(slots.refusal(41) ?? "", "waiting requests already take 60 bytes");
  slots.give(1000);
  await first;
  assertEquals(slots.refusal(1000), undefined);
});

Deno.test("a call waits beside free slots while those that run hold too much", async () => {
  const slots = new Slots(3, { ...LIMITS, runningBytes: 100 });
  await slots.take(NEVER, 60);
  assertEquals([slots.takeFree(41), slots.takeFree(40), slots.heldBytes], [false, true, 100]);
  const order: string[] = [];
  const large = queue(slots, order, "large", { bytes: 50 });
  const small = queue(slots, order, "small", { bytes: 1 });
  slots.give(40);
  await Promise.resolve();
  assertEquals([order, slots.waiting], [[], 2], "the small one does not overtake");
  slots.give(60);
  await Promise.all([large, small]);
  assertEquals([order, slots.heldBytes], [["large", "small"], 51]);
});

Deno.test("a call may hold more than the limit while no other holds anything", async () => {
  const slots = new Slots(2, { ...LIMITS, runningBytes: 100 });
  assertEquals([slots.takeFree(1000), slots.takeFree(1)], [true, false]);
  const next = slots.take(NEVER, 1000);
  slots.give(1000);
  await next;
  assertEquals(slots.heldBytes, 1000);
});

Deno.test("bytes that a running call drops let the next one in", async () => {
  const slots = new Slots(2, { ...LIMITS, runningBytes: 100 });
  await slots.take(NEVER, 100);
  const next = slots.take(NEVER, 100);
  assertEquals(slots.heldBytes, 200);
  slots.drop(100);
  await next;
  slots.give(0);
  slots.give(100);
  assertEquals([slots.heldBytes, slots.takeFree(), slots.takeFree()], [0, true, true]);
});

Deno.test("a large call that stops waiting lets the smaller ones behind it in", async () => {
  const slots = new Slots(2, { ...LIMITS, runningBytes: 100 });
  await slots.take(NEVER, 60);
  const impatient = new AbortController();
  const large = slots.take(impatient.signal, 50);
  const small = slots.take(NEVER, 40);
  impatient.abort(new Error("too long"));
  await assertRejects(() => large, Error, "too long");
  await small;
  assertEquals(slots.heldBytes, 100);
});

Deno.test("a call that waited for its slot leaves no listener on its signal", async () => {
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (type: string, listener: EventListener) => {
    listeners.add(listener);
    add(type, listener);
  };
  signal.removeEventListener = (type: string, listener: EventListener) => {
    listeners.delete(listener);
    remove(type, listener);
  };
  const slots = new Slots(1);
  await slots.take(NEVER);
  const waiting = slots.take(signal);
  assertEquals(listeners.size, 1);
  slots.give();
  await waiting;
  assertEquals(listeners.size, 0);
});
