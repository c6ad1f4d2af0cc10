/**
 * The fuzzer's rounds: inputs for one target after another until the time is up.
 *
 * @module
 */

import { Random } from "./random.ts";
import { shrink } from "./shrink.ts";
import type { Judge, Target } from "./target.ts";

/** The duration and the seed. */
export interface RunOptions {
  readonly seconds: number;
  readonly seed: string;
  /** Called with the progress, once a minute. */
  readonly onProgress?: (counts: ReadonlyMap<string, number>) => void;
}

/** An input that failed. */
export interface Find {
  readonly target: string;
  /** Which of the target's inputs it was, counted from 0: it depends on seed and number alone. */
  readonly index: number;
  readonly input: unknown;
  readonly error: unknown;
}

/** The outcome of a run. */
export interface RunReport {
  /** Inputs tried, by target. */
  readonly counts: ReadonlyMap<string, number>;
  readonly finds: readonly Find[];
}

/** Each target gets a slice of time: with a slice of inputs the slow ones would take all of it. */
const TURN_MS = 500;
const PROGRESS_MS = 60_000;
/** An input that takes longer than this hangs the agent. */
const HANG_MS = 15_000;

/** The input with this number. */
export const inputOf = (target: Target, seed: string, index: number): unknown =>
  target.generate(new Random(`${seed} ${target.name} ${index}`));

/** What is wrong with an input, or `undefined`. */
export async function judge(opened: Judge<unknown>, input: unknown): Promise<unknown> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`timed out after ${HANG_MS} ms`)), HANG_MS);
  try {
    await Promise.race([opened.check(input), late]);
    return undefined;
  } catch (error) {
    return error ?? new Error("nothing was thrown");
  } finally {
    clearTimeout(timer);
  }
}

/** Fuzzes the targets in turn. A target with a failure is skipped for the rest of the run. */
export async function run(
  targets: readonly Target[],
  { seconds, seed, onProgress }: RunOptions,
): Promise<RunReport> {
  const counts = new Map(targets.map(({ name }) => [name, 0]));
  const finds: Find[] = [];
  await using opened = new AsyncDisposableStack();
  const judges = new Map<Target, Judge<unknown>>();
  for (const target of targets) judges.set(target, opened.use(await target.open()));
  const end = performance.now() + seconds * 1000;
  let nextProgress = performance.now() + PROGRESS_MS;
  while (performance.now() < end && finds.length < targets.length) {
    for (const [target, opened] of judges) {
      if (finds.some((find) => find.target === target.name)) continue;
      const turnEnd = Math.min(end, performance.now() + TURN_MS);
      while (performance.now() < turnEnd) {
        const index = counts.get(target.name) ?? 0;
        counts.set(target.name, index + 1);
        const input = inputOf(target, seed, index);
        const error = await judge(opened, input);
        if (error === undefined) continue;
        finds.push({ target: target.name, index, ...await smallest(opened, input, error) });
        break;
      }
    }
    if (performance.now() < nextProgress) continue;
    nextProgress += PROGRESS_MS;
    onProgress?.(counts);
  }
  return { counts, finds };
}

/** The failing input, shrunk; an input that fails differently is a different failure. */
async function smallest(
  opened: Judge<unknown>,
  input: unknown,
  error: unknown,
): Promise<{ input: unknown; error: unknown }> {
  const kindOf = (thrown: unknown) => thrown instanceof Error ? thrown.name : typeof thrown;
  const small = await shrink(
    input,
    async (candidate) => kindOf(await judge(opened, candidate)) === kindOf(error),
  );
  return { input: small, error: await judge(opened, small) ?? error };
}
