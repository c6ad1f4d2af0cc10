/**
 * Timers without Node's.
 *
 * The first `setTimeout()` of a process makes Deno load Node's timers: 3.5 MiB and 11 ms, where the
 * idle agent has 39 MiB and starts in 60 ms (Deno 2.9.5 with `--jitless`, docs/performance.md).
 * `AbortSignal.timeout()` is loaded anyway, but cannot be stopped. So all timers share a few
 * wake-ups, and starting or stopping one only changes a set.
 *
 * @module
 */

/**
 * The longest wait of a wake-up. It bounds how many can be pending, whatever timers are started, and
 * how long a process that just returns from its last line lives on for one.
 */
const MAX_NAP_MS = 5000;

const running = new Set<Timer>();
/** When the pending wake-ups are due, the earliest last. */
const wakeUps: number[] = [];

/** Calls a function once, after some milliseconds, unless it is stopped before. */
export class Timer implements Disposable {
  /** In milliseconds of `performance.now()`. */
  readonly dueAt: number;
  readonly #act: () => void;

  constructor(milliseconds: number, act: () => void) {
    const now = performance.now();
    this.dueAt = now + milliseconds;
    this.#act = act;
    running.add(this);
    wakeUpAt(this.dueAt, now);
  }

  /** Prevents the call. Stopping twice, or too late, does nothing. */
  stop(): void {
    running.delete(this);
  }

  /** Calls the function now. An error is reported as uncaught. */
  fire(): void {
    if (!running.delete(this)) return;
    try {
      this.#act();
    } catch (error) {
      reportError(error);
    }
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

/** Resolves after this many milliseconds. */
export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => void new Timer(milliseconds, resolve));

function wakeUpAt(dueAt: number, now: number): void {
  const time = Math.min(dueAt, now + MAX_NAP_MS);
  const next = wakeUps.at(-1);
  if (next !== undefined && next <= time) return;
  wakeUps.push(time);
  const signal = AbortSignal.timeout(Math.max(0, Math.ceil(time - now)));
  signal.addEventListener("abort", fireWhatIsDue, { once: true });
}

function fireWhatIsDue(): void {
  wakeUps.pop();
  const now = performance.now();
  for (const timer of [...running].filter(({ dueAt }) => dueAt <= now)) timer.fire();
  if (running.size === 0) return;
  const earliest = Math.min(...[...running].map(({ dueAt }) => dueAt));
  wakeUpAt(earliest, performance.now());
}
