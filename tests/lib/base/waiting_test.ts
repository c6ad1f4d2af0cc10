import { assertEquals } from "@std/assert";
import { Aborted } from "../../../lib/base/waiting.ts";
import { within } from "../../_waiting.ts";

Deno.test("Aborted happens on abort", async () => {
  const controller = new AbortController();
  using aborted = new Aborted(controller.signal);
  let hasHappened = false;
  const happened = aborted.happened.then(() => hasHappened = true);
  await Promise.resolve();
  assertEquals(hasHappened, false);
  controller.abort();
  await within(happened, "the abort");
});

Deno.test("Aborted has happened where the signal was aborted before", async () => {
  using aborted = new Aborted(AbortSignal.abort());
  await within(aborted.happened, "the abort");
});

Deno.test("Aborted takes its listener back when disposed of", async () => {
  const controller = new AbortController();
  let hasHappened = false;
  {
    using aborted = new Aborted(controller.signal);
    void aborted.happened.then(() => hasHappened = true);
  }
  controller.abort();
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assertEquals(hasHappened, false);
});
