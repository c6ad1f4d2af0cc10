import { assert, assertEquals } from "@std/assert";
import { Capture } from "../../../../lib/platform/processes/capture.ts";
import { within } from "../../../_waiting.ts";

/** A byte stream that a test feeds. */
function feeder() {
  let controller: ReadableByteStreamController | undefined;
  const state = { isCancelled: false };
  const stream = new ReadableStream({
    type: "bytes",
    start: (given) => void (controller = given),
    cancel: () => void (state.isCancelled = true),
  });
  assert(controller !== undefined);
  const feed = {
    say: (text: string) => controller?.enqueue(new TextEncoder().encode(text)),
    end: () => {
      controller?.close();
      // This ends a pending read (Streams Standard, 4.7.3).
      controller?.byobRequest?.respond(0);
    },
    breakOff: (error: Error) => controller?.error(error),
  };
  return { stream, state, ...feed };
}

Deno.test("Capture keeps the beginning and knows whether there was more", async () => {
  for (
    const [chunks, limit, kept, truncated] of [
      [["abc", "def"], 10, "abcdef", false],
      [["abc", "def"], 6, "abcdef", false],
      [["abc", "def"], 5, "abcde", true],
      [["abc", "def"], 3, "abc", true],
      [["abc", "def"], 0, "", true],
      [[], 10, "", false],
      [[], 0, "", false],
      [["x".repeat(100_000)], 70_000, "x".repeat(70_000), true],
    ] as const
  ) {
    const { stream, ...feed } = feeder();
    const capture = new Capture(stream, limit);
    for (const chunk of chunks) feed.say(chunk);
    feed.end();
    await within(capture.ended, "the end of the stream");
    await capture.finish();
    const { bytes, truncated: isTruncated } = capture.take();
    assertEquals(new TextDecoder().decode(bytes), kept);
    assertEquals(isTruncated, truncated);
  }
});

Deno.test("Capture closes a stream that stays open and keeps what arrived", async () => {
  const { stream, state, ...feed } = feeder();
  const capture = new Capture(stream, 100);
  feed.say("before");
  await within(capture.finish(), "closing");
  assertEquals(new TextDecoder().decode(capture.take().bytes), "before");
  assertEquals(state.isCancelled, true);
});

Deno.test("Capture keeps what arrives a while after the child has exited", async () => {
  const { stream, ...feed } = feeder();
  const capture = new Capture(stream, 100);
  const finished = capture.finish();
  // As on a loaded machine; longer than it once waited.
  await new Promise((resolve) => setTimeout(resolve, 100));
  feed.say("late");
  feed.end();
  await within(finished, "closing");
  assertEquals(new TextDecoder().decode(capture.take().bytes), "late");
});

Deno.test("Capture treats a broken stream as ended", async () => {
  const { stream, ...feed } = feeder();
  const capture = new Capture(stream, 100);
  feed.say("before");
  await Promise.resolve();
  feed.breakOff(new Error("broken pipe"));
  await within(capture.ended, "the end");
  await capture.finish();
  assertEquals(capture.take().truncated, false);
});
