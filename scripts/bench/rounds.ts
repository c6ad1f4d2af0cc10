/**
 * Runs all measures in turns, so that other load on the machine affects all agents alike.
 *
 * @module
 */

import type { Measure, Reading } from "./measure.ts";
import { OtherLoad } from "./other_load.ts";
import type { Peer } from "./peer.ts";
import type { Scratch } from "./scratch.ts";
import { start } from "./start.ts";

/** Longer than any measure takes: one that takes longer has hung. */
const DEADLINE_MS = 300_000;
/** More than this share of one processor taken by others disturbs a measure. */
const DISTURBING_SHARE = 0.1;
/** How often a disturbed measure is repeated. */
const MAX_REPEATS = 2;

/** What a run of the bench needs. */
export interface Plan {
  readonly measures: readonly Measure[];
  readonly rounds: number;
  readonly peers: readonly Peer[];
  readonly scratch: Scratch;
  /** Receives a line about each step. */
  readonly onProgress: (text: string) => void;
}

/** The readings of one measure. */
export interface MeasuredRounds {
  /** The readings of each peer, in the order of the peers: one for each round. */
  readonly readings: readonly (readonly Reading[])[];
  /** In how many rounds other load disturbed the measure, repeats included. */
  readonly disturbed: number;
}

/** Measures everything; the result is in the order of the measures. */
export async function runRounds(plan: Plan): Promise<MeasuredRounds[]> {
  const { measures, rounds, peers, onProgress } = plan;
  const all = measures.map((measure) => ({
    measure,
    readings: peers.map(() => new Array<Reading>()),
    disturbed: 0,
  }));
  for (let round = 1; round <= rounds; round++) {
    for (const into of all) {
      onProgress(`round ${round} of ${rounds}: ${into.measure.name}`);
      const { readings, isDisturbed } = await calmest(plan, into.measure, round);
      readings.forEach((reading, index) => into.readings[index]?.push(reading));
      if (isDisturbed) into.disturbed += 1;
    }
  }
  return all;
}

/** Repeats a round that other load disturbed; returns the least disturbed one. */
async function calmest(plan: Plan, measure: Measure, round: number) {
  let best: { readings: Reading[]; share: number } | undefined;
  for (let attempt = 0; attempt <= MAX_REPEATS; attempt++) {
    const load = await OtherLoad.watch();
    const readings = await runRound(plan, measure, round);
    const share = await load.share();
    if (best === undefined || share < best.share) best = { readings, share };
    if (share <= DISTURBING_SHARE) break;
    plan.onProgress(`  other load took ${Math.round(share * 100)} % of a processor`);
  }
  return { readings: best?.readings ?? [], isDisturbed: (best?.share ?? 0) > DISTURBING_SHARE };
}

async function runRound(plan: Plan, measure: Measure, round: number): Promise<Reading[]> {
  const { peers, scratch } = plan;
  const readings = new Array<Reading>(peers.length);
  // The one that runs later has warmer caches.
  const order = peers.map((peer, index) => ({ peer, index }));
  for (const { peer, index } of round % 2 === 0 ? order.toReversed() : order) {
    readings[index] = await runOnce(measure, peer, scratch);
  }
  return readings;
}

async function runOnce(measure: Measure, peer: Peer, scratch: Scratch): Promise<Reading> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = () => reject(new Error(`not finished within ${DEADLINE_MS / 1000} s`));
  const timer = setTimeout(late, DEADLINE_MS);
  try {
    await using started = await start(peer, scratch);
    return await Promise.race([measure.run(started), promise]);
  } catch (error) {
    throw new Error(`cannot measure ${measure.name} of ${peer.name}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
