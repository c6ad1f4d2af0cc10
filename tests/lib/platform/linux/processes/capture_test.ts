import { assert, assertEquals } from "@std/assert";
import { Capture } from "../../../../../lib/platform/linux/processes/capture.ts";
import { withTimer } from "../../../../../lib/base/waiting.ts";
import { within } from "../../../../_waiting.ts";

/** A stream of bytes that a test feeds. */
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
      // A read that waits is told the end this way (Streams Standard, 4.7.3).
      controller?.byobRequest?.respond(0);
    },
    breakOff: (error: Error) => controller?.error(error),
  };
  return { stream, state, ...feed };
}

Deno.test("Capture keeps the beginning and tells whether there was more", async () => {
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
    const { bytes, truncated: isTruncated } = capture.captured;
    assertEquals(new TextDecoder().decode(bytes), kept);
    assertEquals(isTruncated, truncated);
  }
});

Deno.test("Capture lets a stream go that stays open, with what came until then", async () => {
  const { stream, state, ...feed } = feeder();
  const capture = new Capture(stream, 100);
  feed.say("before");
  await within(capture.finish(), "letting go");
  assertEquals(new TextDecoder().decode(capture.captured.bytes), "before");
  assertEquals(state.isCancelled, true);
});

Deno.test("Capture takes a stream that breaks for one that ends", async () => {
  const { stream, ...feed } = feeder();
  const capture = new Capture(stream, 100);
  feed.say("before");
  await Promise.resolve();
  feed.breakOff(new Error("broken pipe"));
  await within(capture.ended, "the end");
  await capture.finish();
  assertEquals(capture.captured.truncated, false);
});

Deno.test("withTimer() resolves with the event and leaves no timer behind", async () => {
  await within(withTimer(3_600_000, Promise.resolve()), "the event");
});

Deno.test("withTimer() resolves after its time where the event does not come", async () => {
  const start = performance.now();
  await withTimer(20, new Promise(() => {}));
  assert(performance.now() - start >= 15);
});
