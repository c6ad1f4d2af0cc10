import { assertEquals, assertRejects } from "@std/assert";
import { FairQueue } from "../../../host/daemon/fair_queue.ts";

const NEVER = new AbortController().signal;

/** Queues a waiter and notes when it gets its slot. */
function wait(queue: FairQueue<string>, owner: string, order: string[]): Promise<void> {
  return queue.take(owner, NEVER).then(() => void order.push(owner));
}

/** Lets promises that are resolved run. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("FairQueue gives each owner a slot before one gets its second", async () => {
  const queue = new FairQueue<string>(1);
  await queue.take("first", NEVER);
  const order: string[] = [];
  const all = ["a", "a", "a", "b", "c", "b"].map((owner) => wait(queue, owner, order));
  for (const _waiter of all) {
    queue.give();
    await settle();
  }
  await Promise.all(all);
  assertEquals(order, ["a", "b", "c", "a", "b", "a"]);
});

Deno.test("FairQueue never has more slots taken than it has", async () => {
  const queue = new FairQueue<string>(2);
  const order: string[] = [];
  const all = ["a", "b", "c"].map((owner) => wait(queue, owner, order));
  await settle();
  assertEquals(order, ["a", "b"]);
  queue.give();
  await Promise.all(all);
  queue.give();
  queue.give();
  await Promise.all(["d", "e"].map((owner) => wait(queue, owner, order)));
  assertEquals(order.length, 5);
});

Deno.test("FairQueue forgets a waiter whose signal is aborted", async () => {
  const queue = new FairQueue<string>(1);
  await queue.take("first", NEVER);
  const controller = new AbortController();
  const given = queue.take("gone", controller.signal);
  const order: string[] = [];
  const stays = wait(queue, "stays", order);
  controller.abort(new Error("gone"));
  await assertRejects(() => given, Error, "gone");
  queue.give();
  await stays;
  assertEquals(order, ["stays"]);
  await assertRejects(() => queue.take("late", controller.signal), Error, "gone");
});
