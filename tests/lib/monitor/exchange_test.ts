import { assertEquals } from "@std/assert";
import { exchange, type Received } from "../../../lib/monitor/exchange.ts";
import type { CommandConnection } from "../../../lib/monitor/listener.ts";
import { MAX_MESSAGE_BYTES, RequestBuffers } from "../../../lib/monitor/request_buffers.ts";
import { NEVER } from "../_helpers.ts";
import { within } from "../../_waiting.ts";

const MAX_LARGE_REQUESTS = 8;

/** A client in memory that sends what it has to and is then silent until it is closed upon. */
class FakeClient implements CommandConnection {
  received = "";
  isClosed = false;
  isComplete = false;
  /** How many bytes one write takes; 0 for a client whose reading never goes on. */
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

/** Serves a client; what it was taken to have sent. */
async function serve(
  client: FakeClient,
  { buffers = new RequestBuffers(), timeoutMs = 5000, text = "{}" } = {},
): Promise<Received[]> {
  const received: Received[] = [];
  const answer = (one: Received) => {
    received.push(one);
    return Promise.resolve(text);
  };
  await within(exchange(client, { timeoutMs, buffers, answer }), "the exchange's end");
  assertEquals(client.isClosed, true);
  return received;
}

const large = `{"Name":"agent.X","A":"${"x".repeat(5000)}"}`;

/** All buffers but so many. */
async function takeAllBut(buffers: RequestBuffers, free: number): Promise<void> {
  for (let taken = free; taken < MAX_LARGE_REQUESTS; taken++) await buffers.take(NEVER);
}

Deno.test("an answer that leaves byte by byte arrives whole", async () => {
  const client = new FakeClient('{"Name":"agent.X"}');
  client.mostBytes = 1;
  assertEquals((await serve(client, { text: '{"Status":0}' })).map(({ kind }) => kind), [
    "request",
  ]);
  assertEquals([client.received, client.isComplete], ['{"Status":0}', true]);
});

Deno.test("a client that does not take its answer is closed upon, and told no end of it", async () => {
  const client = new FakeClient('{"Name":"agent.X"}');
  client.mostBytes = 0;
  await serve(client, { timeoutMs: 50 });
  assertEquals([client.received, client.isComplete], ["", false]);
});

Deno.test("a large request waits for a buffer no longer than its time", async () => {
  const buffers = new RequestBuffers();
  await takeAllBut(buffers, 0);
  const client = new FakeClient(large);
  assertEquals(await serve(client, { buffers, timeoutMs: 50 }), [{ kind: "late" }]);
});

Deno.test("a small request waits for no buffer", async () => {
  const buffers = new RequestBuffers();
  await takeAllBut(buffers, 0);
  const [received] = await serve(new FakeClient('{"Name":"agent.X"}'), { buffers });
  assertEquals(received?.kind, "request");
});

Deno.test("a buffer is free again before the command is carried out", async () => {
  const buffers = new RequestBuffers();
  await takeAllBut(buffers, 1);
  const answer = async () => {
    buffers.give(await within(buffers.take(NEVER), "the buffer"));
    return "{}";
  };
  for (let round = 0; round < 3; round++) {
    const client = new FakeClient(large);
    await exchange(client, { timeoutMs: 5000, buffers, answer });
    assertEquals(client.received, "{}");
  }
});

Deno.test("whatever becomes of large requests, their buffers come back", async () => {
  const buffers = new RequestBuffers();
  const texts = [large, large.slice(0, -2), large.replace("Name", "N"), `${large.slice(0, -2)}`];
  for (const text of [...texts, "{".repeat(MAX_MESSAGE_BYTES + 1)]) {
    await serve(new FakeClient(text), { buffers, timeoutMs: 20 });
  }
  for (let taken = 0; taken < MAX_LARGE_REQUESTS; taken++) {
    await within(buffers.take(NEVER), "a buffer");
  }
});

Deno.test("an answer that cannot be made closes the connection", async () => {
  const client = new FakeClient('{"Name":"agent.X"}');
  const answer = () => Promise.reject(new Error("no"));
  await exchange(client, { timeoutMs: 1000, buffers: new RequestBuffers(), answer });
  assertEquals([client.isClosed, client.received], [true, ""]);
});
