/**
 * The search for the mix of loads that takes the most memory: random mixes at first, then changes of
 * the worst ones.
 *
 * @module
 */

import { Random } from "../fuzz/random.ts";
import { LOADS } from "./loads.ts";
import type { KeptMix, Mix, Part } from "./mixes.ts";

const MAX_PARTS = 3;
/** How many of the worst mixes are kept and changed further. */
export const KEPT = 5;
/** One mix in three is new, so that the search can leave a local maximum. */
const NEW_ONE_IN = 3;

/** Measures a mix, in MiB. */
export type Measure = (mix: Mix) => Promise<number>;

/**
 * Searches until the time is up. Starts from known mixes, which are measured again: the agent may
 * have changed.
 *
 * @param onWorse Called with each mix that takes more than any before.
 */
export async function search(
  measure: Measure,
  { known, seconds, seed, onWorse, now = () => performance.now() }: {
    readonly known: readonly Mix[];
    readonly seconds: number;
    readonly seed: string;
    readonly onWorse: (found: KeptMix) => void;
    /** A clock in milliseconds, for tests. */
    readonly now?: () => number;
  },
): Promise<KeptMix[]> {
  const end = now() + seconds * 1000;
  const random = new Random(seed);
  let worst: KeptMix[] = [];
  const waiting = [...known, ...LOADS.map(({ name }) => alone(name))];
  while (now() < end) {
    const mix = waiting.shift() ??
      (worst.length === 0 || random.below(NEW_ONE_IN) === 0
        ? newMix(random)
        : changed(worst[random.below(worst.length)]?.mix ?? newMix(random), random));
    const found = { peakMiB: await measure(mix), mix };
    if (found.peakMiB > (worst[0]?.peakMiB ?? 0)) onWorse(found);
    worst = keepWorst([...worst, found]);
  }
  return worst;
}

/** The worst mixes, one for each set of loads. */
export function keepWorst(found: readonly KeptMix[]): KeptMix[] {
  const sorted = found.toSorted((a, b) => b.peakMiB - a.peakMiB);
  const seen = new Set<string>();
  return sorted.filter(({ mix }) => {
    const loads = [...new Set(mix.parts.map(({ load }) => load))].sort().join();
    return !seen.has(loads) && seen.add(loads);
  }).slice(0, KEPT);
}

/** One load at its maximum. */
function alone(name: Part["load"]): Mix {
  const load = LOADS.find((one) => one.name === name);
  const part = { load: name, count: load?.maxCount ?? 1, size: load?.maxSize ?? 1 };
  return { isRateLifted: true, isRead: true, parts: [part] };
}

const coin = (random: Random) => random.below(2) === 0;

function newPart(random: Random): Part {
  const load = LOADS[random.below(LOADS.length)];
  if (load === undefined) throw new RangeError("no load of that number");
  return {
    load: load.name,
    count: 1 + random.below(load.maxCount),
    // Large ones take memory.
    size: coin(random) ? load.maxSize : 1 + random.below(load.maxSize),
  };
}

const newMix = (random: Random): Mix => ({
  isRateLifted: coin(random),
  isRead: random.below(4) > 0,
  parts: Array.from({ length: 1 + random.below(MAX_PARTS) }, () => newPart(random)),
});

function changed(mix: Mix, random: Random): Mix {
  const index = random.below(mix.parts.length);
  const part = mix.parts[index] ?? newPart(random);
  const load = LOADS.find(({ name }) => name === part.load);
  switch (random.below(6)) {
    case 0:
      return { ...mix, isRead: !mix.isRead };
    case 1:
      return { ...mix, isRateLifted: !mix.isRateLifted };
    case 2:
      return { ...mix, parts: [...mix.parts, newPart(random)].slice(-MAX_PARTS) };
    case 3:
      if (mix.parts.length > 1) return { ...mix, parts: mix.parts.toSpliced(index, 1) };
      return newMix(random);
    case 4: {
      const count = 1 + random.below(load?.maxCount ?? 1);
      return { ...mix, parts: mix.parts.with(index, { ...part, count }) };
    }
    default: {
      const size = 1 + random.below(load?.maxSize ?? 1);
      return { ...mix, parts: mix.parts.with(index, { ...part, size }) };
    }
  }
}
