import { assertEquals } from "@std/assert";
import { exchange } from "../../../lib/monitor/exchange.ts";
import type { CommandConnection } from "../../../lib/monitor/listener.ts";
import type { Received } from "../../../lib/monitor/reception.ts";
import {
  MAX_BUFFERS,
  MAX_REQUEST_BYTES,
  RequestMemory,
  type RequestShare,
} from "../../../lib/monitor/request_memory.ts";
import { NEVER } from "../_helpers.ts";
import { within } from "../../_waiting.ts";

/** A client in memory that sends its text and is then silent until it is disconnected. */
class FakeClient implements CommandConnection {
  received = "";
  isClosed = false;
  isComplete = false;
  /** How many bytes one write takes; 0 for a client that does not read. */
  mostBytes = Infinity;
  #unsent: Uint8Array;
  #onClose = () => {};

  constructor(text: string) {
    this.#unsent = new TextEncoder().encode(text);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#unsent.byteLength === 0) await this.#closing();
    if (this.isClosed) throw new Deno.errors.BadResource("closed");
    const part = this.#unsent.subarray(0, buffer.byteLength);
    this.#unsent = this.#unsent.subarray(part.byteLength);
    buffer.set(part);
    return part.byteLength;
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.mostBytes === 0) await this.#closing();
    if (this.isClosed) throw new Deno.errors.BadResource("closed");
    const part = bytes.subarray(0, this.mostBytes);
    this.received += new TextDecoder().decode(part);
    return part.byteLength;
  }

  closeWrite(): Promise<void> {
    this.isComplete = true;
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#onClose();
  }

  #closing(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#onClose;
    this.#onClose = () => {
      before();
      resolve();
    };
    return promise;
  }
}

/** Serves a client; returns what it sent, as the server sees it. */
async function serve(
  client: FakeClient,
  { memory = new RequestMemory(), timeoutMs = 5000, text = "{}" } = {},
): Promise<Received[]> {
  const received: Received[] = [];
  const answer = (one: Received) => {
    received.push(one);
    return Promise.resolve(text);
  };
  await within(exchange(client, { timeoutMs, memory, answer }), "the exchange's end");
  assertEquals(client.isClosed, true);
  return received;
}

const paddedTo = (bytes: number) => {
  const empty = '{"Name":"agent.X","A":""}';
  return empty.replace('""', `"${"x".repeat(bytes - empty.length)}"`);
};
const large = paddedTo(5000);

/** Takes all shares of the memory but some. */
async function takeAllBut(memory: RequestMemory, free: number): Promise<RequestShare[]> {
  const shares: RequestShare[] = [];
  while (shares.length < MAX_BUFFERS - free) shares.push(await memory.take(NEVER));
  return shares;
}

/** Asserts that the whole budget is free. */
async function assertAllFree(memory: RequestMemory): Promise<void> {
  const shares = await within(takeAllBut(memory, 0), "all of the memory");
  await within(shares[0]?.grow(NEVER) ?? Promise.reject(), "the room for a large request");
}

Deno.test("an answer that is written byte by byte arrives complete", async () => {
  const client = new FakeClient('{"Name":"agent.X"}');
  client.mostBytes = 1;
  assertEquals((await serve(client, { text: '{"Status":0}' })).map(({ kind }) => kind), [
    "request",
  ]);
  assertEquals([client.received, client.isComplete], ['{"Status":0}', true]);
});

Deno.test("a client that does not read its answer is disconnected without an end of the answer", async () => {
  const client = new FakeClient('{"Name":"agent.X"}');
  client.mostBytes = 0;
  await serve(client, { timeoutMs: 50 });
  assertEquals([client.received, client.isComplete], ["", false]);
});

Deno.test("a request over 1 KiB waits for memory until its time is over", async () => {
  const memory = new RequestMemory();
  await takeAllBut(memory, 0);
  assertEquals(await serve(new FakeClient(large), { memory, timeoutMs: 50 }), [{ kind: "late" }]);
});

Deno.test("a request over 64 KiB waits while another one has the room for it", async () => {
  const memory = new RequestMemory();
  const [share] = await takeAllBut(memory, MAX_BUFFERS - 1);
  await share?.grow(NEVER);
  const client = () => new FakeClient(paddedTo(MAX_REQUEST_BYTES));
  assertEquals(await serve(client(), { memory, timeoutMs: 200 }), [{ kind: "late" }]);
  share?.giveBack();
  const [received] = await serve(client(), { memory });
  assertEquals(received?.kind, "request");
});

Deno.test("a request up to 1 KiB does not wait for memory", async () => {
  const memory = new RequestMemory();
  await takeAllBut(memory, 0);
  const [received] = await serve(new FakeClient('{"Name":"agent.X"}'), { memory });
  assertEquals(received?.kind, "request");
});

Deno.test("a request keeps its memory until its command is done, and then gives it back", async () => {
  const memory = new RequestMemory();
  const others = await takeAllBut(memory, 1);
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const answer = async () => {
    begin();
    await done;
    return "{}";
  };
  const serving = exchange(new FakeClient(large), { timeoutMs: 5000, memory, answer });
  await within(begun, "the command");
  let isFree = false;
  const next = memory.take(NEVER).then((share) => {
    isFree = true;
    share.giveBack();
  });
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  assertEquals(isFree, false);
  finish();
  await within(next, "the memory");
  await within(serving, "the exchange's end");
  for (const share of others) share.giveBack();
  await assertAllFree(memory);
});

for (
  const [what, text, kind] of [
    ["complete", large, "request"],
    ["incomplete", large.slice(0, -2), "late"],
    ["without a name", large.replace("Name", "N"), "request"],
    ["as large as allowed", paddedTo(MAX_REQUEST_BYTES), "request"],
    ["too large", paddedTo(MAX_REQUEST_BYTES + 1), "bad"],
    ["large and incomplete", paddedTo(MAX_REQUEST_BYTES).slice(0, -1), "late"],
    ["of too many values", `{"A":[${"1,".repeat(20_000)}1]}`, "bad"],
  ] as const
) {
  Deno.test(`the memory of a request that is ${what} is free again after it`, async () => {
    const memory = new RequestMemory();
    // Only one that is incomplete may run out of time, however loaded the machine is.
    const timeoutMs = kind === "late" ? 20 : 10_000;
    const received = await serve(new FakeClient(text), { memory, timeoutMs });
    assertEquals(received.map((one) => one.kind), [kind]);
    await assertAllFree(memory);
  });
}

Deno.test("a character that two buffers share is read whole", async () => {
  const text = `{"Name":"agent.X","A":"${"ä€𝄞".repeat(15_000)}"}`;
  for (let shift = 0; shift < 4; shift++) {
    const [received] = await serve(new FakeClient(" ".repeat(shift) + text));
    assertEquals(received?.kind === "request" && received.request.text.trim() === text, true);
  }
});

Deno.test("an answer that cannot be made closes the connection", async () => {
  const client = new FakeClient('{"Name":"agent.X"}');
  const answer = () => Promise.reject(new Error("no"));
  await exchange(client, { timeoutMs: 1000, memory: new RequestMemory(), answer });
  assertEquals([client.isClosed, client.received], [true, ""]);
});
