/**
 * Waiting for the work of a request, and for its end when it was cancelled.
 *
 * @module
 */

import { Aborted, withTimer } from "../base/waiting.ts";

/** How long cancelled work has to stop before its request is answered without it. */
export const ABORT_GRACE_MS = 5000;

/** Turns of the microtask queue that a method takes which has its answer at hand. */
const TURNS_AT_ONCE = 12;

/** Whether work is done without waiting for anything: then it needs neither timer nor listener. */
export async function settlesAtOnce(working: Promise<unknown>): Promise<boolean> {
  let hasSettled = false;
  const settle = () => void (hasSettled = true);
  working.then(settle, settle);
  for (let turn = 0; turn < TURNS_AT_ONCE && !hasSettled; turn++) await undefined;
  return hasSettled;
}

/**
 * The result of work, or its error. Aborted work gets some time to stop and to say what it knows;
 * work that does not stop is answered for with the abort's reason.
 */
export async function resultOrAbort(
  working: Promise<unknown>,
  signal: AbortSignal,
): Promise<unknown> {
  {
    const aborted = new Aborted(signal);
    using _aborted = aborted;
    await Promise.race([working, aborted.happened]);
  }
  if (signal.aborted) {
    let hasStopped = false;
    const stopped = working.then(() => hasStopped = true, () => hasStopped = true);
    await withTimer(ABORT_GRACE_MS, stopped);
    if (!hasStopped) throw signal.reason;
  }
  return await working;
}
