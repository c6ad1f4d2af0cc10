/**
 * Doing all measures in turns, so that what else the machine does meets both agents alike.
 *
 * @module
 */

import type { Measure, Reading } from "./measure.ts";
import type { Peer } from "./peer.ts";
import type { Rounds } from "./results.ts";
import type { Scratch } from "./scratch.ts";
import { start } from "./start.ts";

/** Longer than any measure takes; one that takes longer hangs. */
const DEADLINE_MS = 120_000;

/** What a run of the bench needs. */
export interface Plan {
  readonly measures: readonly Measure[];
  readonly rounds: number;
  readonly agent: Peer;
  readonly qemuGa: Peer;
  readonly scratch: Scratch;
  /** Told of what is done next. */
  readonly onProgress: (text: string) => void;
}

/** Does everything; the readings are in the order of the measures. */
export async function runRounds(plan: Plan): Promise<Rounds[]> {
  const { measures, rounds, agent, qemuGa, scratch, onProgress } = plan;
  const all = measures.map((measure) => ({ measure, agent: readings(), qemuGa: readings() }));
  for (let round = 1; round <= rounds; round++) {
    for (const { measure, agent: ours, qemuGa: theirs } of all) {
      onProgress(`round ${round} of ${rounds}: ${measure.name}`);
      const turns = [[agent, ours], [qemuGa, theirs]] as const;
      // Whoever comes second finds warmer caches.
      for (const [peer, into] of round % 2 === 0 ? turns.toReversed() : turns) {
        into.push(await runOnce(measure, peer, scratch));
      }
    }
  }
  return all;
}

const readings = (): Reading[] => [];

async function runOnce(measure: Measure, peer: Peer, scratch: Scratch): Promise<Reading> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = () => reject(new Error(`no end within ${DEADLINE_MS / 1000} s`));
  const timer = setTimeout(late, DEADLINE_MS);
  try {
    await using started = await start(peer, scratch);
    return await Promise.race([measure.run(started), promise]);
  } catch (error) {
    throw new Error(`${measure.name}, ${peer.name}: it could not be measured`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
