/**
 * Many calls, so many at a time.
 *
 * @module
 */

/** What calls took. */
export interface Load {
  readonly perSecond: number;
  /** Round trips in milliseconds; a failed call counts as infinite. */
  readonly times: readonly number[];
}

/** Makes calls, so many of them in flight. */
export async function makeCalls(
  count: number,
  inFlight: number,
  call: () => Promise<unknown>,
): Promise<Load> {
  const times: number[] = [];
  let left = count;
  const start = performance.now();
  await Promise.all(Array.from({ length: inFlight }, async () => {
    while (left > 0) {
      left -= 1;
      const begun = performance.now();
      const isAnswered = await call().then(() => true, () => false);
      times.push(isAnswered ? performance.now() - begun : Number.POSITIVE_INFINITY);
    }
  }));
  return { perSecond: count / ((performance.now() - start) / 1000), times };
}
