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
/** The same for a timer that is part of a running service. */
const MAX_LASTING_NAP_MS = 60_000;

/** How a timer uses wake-ups. */
export interface TimerOptions {
  /**
   * Whether it is seldom stopped, in a process that stays: it sleeps through, for up to a minute, and
   * once stopped may leave a wake-up behind for as long. @default {false}
   */
  readonly lasting?: boolean;
  /** How many milliseconds late it may fire if that saves a wake-up. @default {0} */
  readonly slackMs?: number;
}

const running = new Set<Timer>();
/** When the pending wake-ups are due, the earliest last. */
const wakeUps: number[] = [];
let isFiring = false;

/** Calls a function once, after some milliseconds, unless it is stopped before. */
export class Timer implements Disposable {
  /** In milliseconds of `performance.now()`. */
  readonly dueAt: number;
  /** When it fires at the latest. */
  readonly latestAt: number;
  readonly #act: () => void;
  readonly #napMs: number;

  constructor(
    milliseconds: number,
    act: () => void,
    { lasting = false, slackMs = 0 }: TimerOptions = {},
  ) {
    const now = performance.now();
    this.dueAt = now + milliseconds;
    this.latestAt = this.dueAt + slackMs;
    this.#act = act;
    this.#napMs = lasting ? MAX_LASTING_NAP_MS : MAX_NAP_MS;
    running.add(this);
    // Those that the others start will be looked at together.
    if (isFiring) return;
    const next = wakeUps.at(-1);
    if (next === undefined || next > this.latestAt) this.wakeUp(now);
  }

  /** Makes sure that there is a wake-up at its time, or at the end of a nap before that. */
  wakeUp(now: number): void {
    wakeUpAt(Math.min(this.dueAt, now + this.#napMs), now);
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

function wakeUpAt(time: number, now: number): void {
  const next = wakeUps.at(-1);
  if (next !== undefined && next <= time) return;
  wakeUps.push(time);
  const signal = AbortSignal.timeout(Math.max(0, Math.ceil(time - now)));
  signal.addEventListener("abort", fireWhatIsDue, { once: true });
}

function fireWhatIsDue(): void {
  wakeUps.pop();
  const now = performance.now();
  isFiring = true;
  for (const timer of [...running].filter(({ dueAt }) => dueAt <= now)) timer.fire();
  isFiring = false;
  lastOfNext()?.wakeUp(performance.now());
}

/** Of the timers that the next wake-up can fire together, the one that is due last. */
function lastOfNext(): Timer | undefined {
  let latest = Infinity;
  for (const { latestAt } of running) latest = Math.min(latest, latestAt);
  let last: Timer | undefined;
  for (const timer of running) {
    if (timer.dueAt <= latest && timer.dueAt > (last?.dueAt ?? -Infinity)) last = timer;
  }
  return last;
}
