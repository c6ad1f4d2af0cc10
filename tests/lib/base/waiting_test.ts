import { assert, assertEquals, assertRejects } from "@std/assert";
import { Aborted, withTimer } from "../../../lib/base/waiting.ts";
import { within } from "../../_waiting.ts";

/** An abort signal that counts its listeners. */
class CountingSignal extends EventTarget implements AbortSignal {
  aborted = false;
  readonly reason = undefined;
  readonly onabort = null;
  readonly throwIfAborted = () => {};
  readonly added: unknown[] = [];
  readonly removed: unknown[] = [];

  override addEventListener(
    ...[type, listener, options]: Parameters<AbortSignal["addEventListener"]>
  ) {
    this.added.push(listener);
    super.addEventListener(type, listener, options);
  }

  override removeEventListener(
    ...[type, listener]: Parameters<AbortSignal["removeEventListener"]>
  ) {
    this.removed.push(listener);
    super.removeEventListener(type, listener);
  }
}

Deno.test("Aborted resolves on abort, and not before", async () => {
  const controller = new AbortController();
  using aborted = new Aborted(controller.signal);
  let hasHappened = false;
  const happened = aborted.happened.then(() => hasHappened = true);
  await Promise.resolve();
  assertEquals(hasHappened, false);
  controller.abort();
  await within(happened, "the abort");
});

Deno.test("Aborted resolves at once if the signal was aborted before", async () => {
  using aborted = new Aborted(AbortSignal.abort());
  await within(aborted.happened, "the abort");
});

Deno.test("Aborted adds one listener, and removes it when disposed of", () => {
  const signal = new CountingSignal();
  const aborted = new Aborted(signal);
  assertEquals([signal.added.length, signal.removed.length], [1, 0]);
  aborted[Symbol.dispose]();
  assertEquals(signal.removed, signal.added);
});

Deno.test("Aborted adds no listener to a signal that was aborted before", () => {
  const signal = new CountingSignal();
  signal.aborted = true;
  using _aborted = new Aborted(signal);
  assertEquals(signal.added, []);
});

// The sanitizers fail these if a timer is left behind.
Deno.test("withTimer() resolves with the event if it comes first", async () => {
  const start = performance.now();
  await withTimer(60_000, Promise.resolve());
  assert(performance.now() - start < 30_000);
});

Deno.test("withTimer() resolves after the time if the event does not come", async () => {
  await within(withTimer(1, new Promise(() => {})), "the timer");
});

Deno.test("withTimer() rejects as the event does", async () => {
  await assertRejects(
    () => withTimer(60_000, Promise.reject(new Error("broken"))),
    Error,
    "broken",
  );
});
