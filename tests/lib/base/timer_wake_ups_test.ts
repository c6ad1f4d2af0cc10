import { assertEquals } from "@std/assert";
import type { TimerOptions } from "../../../lib/base/timer.ts";

interface Fresh {
  readonly start: (milliseconds: number, options?: TimerOptions) => void;
  /** Milliseconds of each wake-up that was asked for, in hundreds. */
  readonly wakeUps: number[];
}

let copies = 0;

/** Uses a copy of the module with no pending wake-up, and records those that it asks for. */
async function withFreshTimers(use: (fresh: Fresh) => void): Promise<void> {
  copies += 1;
  const { Timer }: typeof import("../../../lib/base/timer.ts") = await import(
    `../../../lib/base/timer.ts?copy=${copies}`
  );
  const { timeout } = AbortSignal;
  const wakeUps: number[] = [];
  AbortSignal.timeout = (milliseconds) => {
    wakeUps.push(Math.round(milliseconds / 100) * 100);
    return new AbortController().signal;
  };
  try {
    use({
      start: (milliseconds, options) => void new Timer(milliseconds, () => {}, options),
      wakeUps,
    });
  } finally {
    AbortSignal.timeout = timeout;
  }
}

Deno.test("a timer wakes the process every five seconds at least, a lasting one every minute", async () => {
  for (
    const [milliseconds, options, expected] of [
      [3000, {}, 3000],
      [12_000, {}, 5000],
      [12_000, { lasting: true }, 12_000],
      [600_000, { lasting: true }, 60_000],
    ] as const
  ) {
    await withFreshTimers(({ start, wakeUps }) => {
      start(milliseconds, options);
      assertEquals(wakeUps, [expected]);
    });
  }
});

Deno.test("a timer that may be late uses the next wake-up, if that is soon enough", async () => {
  await withFreshTimers(({ start, wakeUps }) => {
    start(12_000, { lasting: true });
    start(3000, { slackMs: 10_000 });
    assertEquals(wakeUps, [12_000]);
    start(3000, { slackMs: 5000 });
    assertEquals(wakeUps, [12_000, 3000]);
  });
});

Deno.test("an exact timer has a wake-up of its own before a later one", async () => {
  await withFreshTimers(({ start, wakeUps }) => {
    start(4000);
    start(4500);
    start(2000);
    assertEquals(wakeUps, [4000, 2000]);
  });
});
