/**
 * Waits for a time, or for something up to a time.
 *
 * @module
 */

/** Waits; returns `false` early if the signal is aborted. */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<boolean> {
  if (signal?.aborted) return false;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  const onAbort = () => resolve();
  signal?.addEventListener("abort", onAbort, { once: true });
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener("abort", onAbort);
  return signal?.aborted !== true;
}

/** Waits for a promise, but no longer than this; its failure counts as its end. */
export async function atMost(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const ended = promise.catch(() => {}).finally(() => over.abort());
  await Promise.race([ended, sleep(milliseconds, over.signal)]);
}
