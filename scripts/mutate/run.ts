/**
 * Tries mutations against the tests until the time is up.
 *
 * @module
 */

import { Random } from "../fuzz/random.ts";
import { type Mutation, mutationsOf } from "./patterns.ts";
import { testsOf } from "./tests_of.ts";
import type { Workshop } from "./workshop.ts";

/** More than tests take that stop at the first failure. */
const SLOWER = 3;
const MARGIN_MS = 10_000;
const BASELINE_LIMIT_MS = 300_000;

/** A mutation that no test noticed. */
export interface Survivor extends Mutation {
  readonly file: string;
}

/** The outcome of a run. */
export interface Report {
  readonly killed: number;
  readonly survivors: readonly Survivor[];
  /** Mutations that were not tried for lack of time. */
  readonly untried: number;
  /** Files without tests, or whose tests fail unchanged. */
  readonly skipped: readonly { readonly file: string; readonly why: string }[];
}

/** What to try. */
export interface Plan {
  readonly files: readonly string[];
  readonly seconds: number;
  /** The same seed tries the mutations in the same order. */
  readonly seed: string;
  readonly onSurvivor?: (survivor: Survivor) => void;
  /** Ends the run: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Tries mutations of all files in turn, in random order. */
export async function mutate(workshop: Workshop, plan: Plan): Promise<Report> {
  const end = performance.now() + plan.seconds * 1000;
  const skipped: { file: string; why: string }[] = [];
  const survivors: Survivor[] = [];
  let killed = 0;
  let untried = 0;
  const random = new Random(plan.seed);
  const queue: { file: string; mutation: Mutation; at: number }[] = [];
  for (const file of plan.files) {
    const text = await Deno.readTextFile(`${workshop.root}/${file}`);
    queue.push(
      ...mutationsOf(text).map((mutation) => ({ file, mutation, at: random.below(2 ** 30) })),
    );
  }
  queue.sort((a, b) => a.at - b.at);
  const limits = new Map<string, { tests: readonly string[]; ms: number } | undefined>();
  for (const { file, mutation } of queue) {
    plan.signal?.throwIfAborted();
    if (performance.now() > end) {
      untried += 1;
      continue;
    }
    if (!limits.has(file)) limits.set(file, await baseline(file));
    const limit = limits.get(file);
    if (limit === undefined) continue;
    const verdict = await workshop.withText(
      file,
      mutation.text,
      () => workshop.run(limit.tests, limit.ms, plan.signal),
    );
    if (verdict !== "passed") {
      killed += 1;
      continue;
    }
    const survivor = { ...mutation, file };
    survivors.push(survivor);
    plan.onSurvivor?.(survivor);
  }
  return { killed, survivors, untried, skipped };

  /** The tests of a file and how long they may take; `undefined` if they cannot judge it. */
  async function baseline(file: string) {
    const tests = await testsOf(workshop.root, file);
    if (tests.length === 0) {
      skipped.push({ file, why: "no test imports it" });
      return undefined;
    }
    const start = performance.now();
    const verdict = await workshop.run(tests, BASELINE_LIMIT_MS, plan.signal);
    if (verdict !== "passed") {
      skipped.push({ file, why: `its tests ${verdict} without a mutation` });
      return undefined;
    }
    return { tests, ms: (performance.now() - start) * SLOWER + MARGIN_MS };
  }
}
