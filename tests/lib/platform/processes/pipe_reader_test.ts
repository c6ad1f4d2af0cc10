import { assert, assertEquals } from "@std/assert";
import { PipeReader } from "../../../../lib/platform/processes/pipe_reader.ts";
import { until, within } from "../../../_waiting.ts";

const QUIET_BYTES = 1024;
const BUSY_BYTES = 16 * 1024;
const MOST_BUSY = 16;

/** A stream that shows the buffer it is read into. */
class Feeder {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  #controller: ReadableByteStreamController | undefined;

  constructor() {
    this.stream = new ReadableStream({
      type: "bytes",
      start: (controller) => void (this.#controller = controller),
    });
  }

  /** Bytes of the buffer that waits to be filled. */
  get roomBytes(): number {
    return this.#controller?.byobRequest?.view?.byteLength ?? 0;
  }

  /** Fills this much of the buffer. */
  async fill(bytes: number): Promise<void> {
    this.#controller?.byobRequest?.respond(bytes);
    await until(() => this.roomBytes > 0, "the next read");
  }

  async end(reader: PipeReader): Promise<void> {
    this.#controller?.close();
    this.#controller?.byobRequest?.respond(0);
    await within(reader.ended, "the end of the stream");
  }
}

Deno.test("a stream holds a large buffer only while it delivers much", async () => {
  const feeder = new Feeder();
  const reader = new PipeReader(feeder.stream, () => {});
  const rooms: number[] = [];
  for (const bytes of [10, QUIET_BYTES, BUSY_BYTES, QUIET_BYTES + 1, QUIET_BYTES, 10]) {
    await until(() => feeder.roomBytes > 0, "the first read");
    rooms.push(feeder.roomBytes);
    await feeder.fill(bytes);
  }
  assertEquals(rooms, [
    QUIET_BYTES,
    QUIET_BYTES,
    BUSY_BYTES,
    BUSY_BYTES,
    BUSY_BYTES,
    QUIET_BYTES,
  ]);
  await feeder.end(reader);
});

Deno.test("sixteen streams have a large buffer at the same time; others go on with a small one", async () => {
  const feeders = Array.from({ length: MOST_BUSY + 4 }, () => new Feeder());
  const readers = feeders.map(({ stream }) => new PipeReader(stream, () => {}));
  for (const feeder of feeders) await feeder.fill(QUIET_BYTES);
  const busy = feeders.filter(({ roomBytes }) => roomBytes === BUSY_BYTES);
  assertEquals(busy.length, MOST_BUSY);
  // One that ends, and one that is cancelled, leave theirs to others.
  const [first, second, ...rest] = feeders.map((feeder, index) => ({
    feeder,
    reader: readers[index],
  }));
  assert(first?.reader !== undefined && second?.reader !== undefined);
  await first.feeder.end(first.reader);
  await within(second.reader.finish(), "closing");
  const waiting = rest.filter(({ feeder }) => feeder.roomBytes === QUIET_BYTES);
  for (const { feeder } of waiting) await feeder.fill(QUIET_BYTES);
  assertEquals(
    rest.filter(({ feeder }) => feeder.roomBytes === BUSY_BYTES).length,
    MOST_BUSY,
  );
  for (const { feeder, reader } of rest) if (reader !== undefined) await feeder.end(reader);
});

Deno.test("a stream whose reader is held up is not taken for one that has nothing more", async () => {
  const feeder = new Feeder();
  const held = Promise.withResolvers<void>();
  const reader = new PipeReader(feeder.stream, () => held.promise);
  await until(() => feeder.roomBytes > 0, "the first read");
  const finished = reader.finish();
  const isFinished = { value: false };
  void finished.then(() => isFinished.value = true);
  // Responding without waiting for a further read: there is none while the first chunk is handled.
  void feeder.fill(10).catch(() => {});
  // Longer than a stream may be quiet, and than one may linger.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assertEquals(isFinished.value, false);
  held.resolve();
  await until(() => feeder.roomBytes > 0, "the second read");
  await feeder.end(reader);
  await within(finished, "the end");
});
