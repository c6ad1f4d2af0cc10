import { assert, assertEquals } from "@std/assert";
import { OutputBudget } from "../../../../lib/base/memory/output_budget.ts";
import { Capture } from "../../../../lib/platform/processes/capture.ts";
import { until, within } from "../../../_waiting.ts";

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
    /** Whether all that was said has been read. */
    isTaken: () => controller?.desiredSize === 0,
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

/** Two captures with one limit, which are fed and then ended. */
async function pairOf(limit: number, says: readonly (readonly ["out" | "err", string])[]) {
  const feeds = { out: feeder(), err: feeder() };
  const budget = new OutputBudget();
  const share = budget.open();
  const captures = Capture.pair([feeds.out.stream, feeds.err.stream], limit, share);
  for (const [name, text] of says) {
    feeds[name].say(text);
    await until(() => feeds[name].isTaken(), "the chunk to be read");
  }
  feeds.out.end();
  feeds.err.end();
  await within(Promise.all(captures.map(({ ended }) => ended)), "the end of both");
  const heldBytes = share.heldBytes;
  const kept = captures.map((capture) => {
    const { bytes, truncated } = capture.take();
    return [new TextDecoder().decode(bytes), truncated];
  });
  return { kept, heldBytes };
}

Deno.test("two captures share a limit: each may use half, and what the other does not need", async () => {
  for (
    const [says, out, err, heldBytes] of [
      [[["out", "12345678"]], ["12345678", false], ["", false], 8],
      [[["out", "1234567890x"]], ["1234567890", true], ["", false], 10],
      [[["out", "1234567890"], ["err", "ab"]], ["12345678", true], ["ab", false], 10],
      [[["out", "1234567890"], ["err", "abcdefgh"]], ["12345", true], ["abcde", true], 10],
      [[["err", "abc"], ["out", "1234567890"]], ["1234567", true], ["abc", false], 10],
    ] as const
  ) {
    const pair = await pairOf(10, says);
    assertEquals([pair.kept, pair.heldBytes], [[out, err], heldBytes]);
  }
});

Deno.test("a capture without room waits, and goes on where it was", async () => {
  const budget = new OutputBudget({ bytes: 10, patienceMs: 60_000 });
  const other = budget.open();
  assertEquals(other.take(10), true);
  const { stream, ...feed } = feeder();
  const share = budget.open();
  const capture = new Capture(stream, 100, share);
  feed.say("first");
  await until(() => feed.isTaken(), "the chunk to be read");
  feed.say("second");
  feed.end();
  assertEquals([share.heldBytes, feed.isTaken()], [0, false], "nothing more is read");
  other.close();
  await within(capture.ended, "the end");
  assertEquals(new TextDecoder().decode(capture.take().bytes), "firstsecond");
  assertEquals(share.heldBytes, 11);
});

Deno.test("a capture that gets no room discards what follows, and says so", async () => {
  const budget = new OutputBudget({ bytes: 10, patienceMs: 20 });
  const other = budget.open();
  const share = budget.open();
  assertEquals([other.take(5)], [true]);
  const { stream, ...feed } = feeder();
  const capture = new Capture(stream, 100, share);
  for (const text of ["begin", "lost", "lost too"]) {
    feed.say(text);
    await until(() => feed.isTaken(), "the chunk to be read");
  }
  feed.end();
  await within(capture.ended, "the end");
  const { bytes, truncated } = capture.take();
  assertEquals([new TextDecoder().decode(bytes), truncated], ["begin", true]);
});
