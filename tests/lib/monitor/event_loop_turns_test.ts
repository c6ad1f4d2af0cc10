import { assert, assertEquals } from "@std/assert";
import { EventLoopTurns } from "../../../lib/monitor/event_loop_turns.ts";
import { exchange } from "../../../lib/monitor/exchange.ts";
import type { CommandConnection } from "../../../lib/monitor/listener.ts";
import { RequestMemory } from "../../../lib/monitor/request_memory.ts";

/** Counts the turns of the event loop until the work is done. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let isDone = false;
  let turns = 0;
  const done = work.finally(() => isDone = true);
  while (!isDone) {
    await new Promise((resolve) => setTimeout(resolve));
    turns += 1;
  }
  await done;
  return turns;
}

Deno.test("little input is processed without waiting", async () => {
  const turns = new EventLoopTurns();
  let isTaken = false;
  const taking = turns.take(1000).then(() => isTaken = true);
  for (let step = 0; step < 5; step++) await Promise.resolve();
  assertEquals(isTaken, true);
  await taking;
});

Deno.test("much input is processed in one turn of the event loop each", async () => {
  const turns = new EventLoopTurns();
  const taken: number[] = [];
  const all = Array.from(
    { length: 5 },
    (_, at) => turns.take(64 * 1024).then(() => taken.push(at)),
  );
  assert(await turnsDuring(Promise.all(all)) >= 5);
  assertEquals(taken, [0, 1, 2, 3, 4]);
});

Deno.test("much input in small pieces gives the event loop its turns, too", async () => {
  const turns = new EventLoopTurns();
  const taking = (async () => {
    for (let piece = 0; piece < 320; piece++) await turns.take(1024);
  })();
  assert(await turnsDuring(taking) >= 10);
});

/** A client whose input is there at once, as Deno has it when data has arrived. */
class ReadyClient implements CommandConnection {
  #left: Uint8Array;
  #isClosed = false;

  constructor(request: Uint8Array) {
    this.#left = request;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#isClosed || this.#left.byteLength === 0) return Promise.resolve(null);
    const part = this.#left.subarray(0, buffer.byteLength);
    this.#left = this.#left.subarray(part.byteLength);
    buffer.set(part);
    return Promise.resolve(part.byteLength);
  }

  write = (bytes: Uint8Array) => Promise.resolve(bytes.byteLength);
  closeWrite = () => Promise.resolve();
  close() {
    this.#isClosed = true;
  }
}

Deno.test("the event loop gets its turns while a crowd of clients is served", async () => {
  const memory = new RequestMemory();
  const request = new TextEncoder().encode(`{"Name":"agent.X","A":"${"x".repeat(60_000)}"}`);
  const clients = Array.from({ length: 40 }, () =>
    exchange(new ReadyClient(request), {
      timeoutMs: 20_000,
      memory,
      answer: () => Promise.resolve("{}"),
    }));
  // Without them, everything would be done before the first timer: the host would wait for it all.
  assert(await turnsDuring(Promise.all(clients)) >= 40);
});
