/**
 * Watches for the end of a command's time.
 *
 * @module
 */

import { Timer } from "../../base/timer.ts";

/** A promise for the time limit or the cancellation, whichever comes first, and its clean-up. */
export function watchForInterruption(timeoutMs: number, signal: AbortSignal) {
  const { promise, resolve } = Promise.withResolvers<"timeout" | "cancellation">();
  const timer = new Timer(timeoutMs, () => resolve("timeout"));
  const onAbort = () => resolve("cancellation");
  // Starting may have taken time, and listeners are not told of what was before them.
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    happened: promise,
    forget: () => {
      timer.stop();
      signal.removeEventListener("abort", onAbort);
    },
  };
}
