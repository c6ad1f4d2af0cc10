/**
 * Turns the readings of all rounds into the numbers of the table.
 *
 * @module
 */

import type { Limit, Measure, Reading, Row } from "./measure.ts";
import { median } from "./stats.ts";

/** The readings of all rounds. */
export interface Rounds {
  readonly agent: readonly Reading[];
  readonly qemuGa: readonly Reading[];
  /** In how many rounds other load disturbed the measure. @default {0} */
  readonly disturbed?: number;
}

/** One row with its numbers, in the row's unit; `undefined` for a missing number. */
export interface Result {
  readonly row: Row;
  readonly agent: number | undefined;
  readonly qemuGa: number | undefined;
  /** Our number divided by qemu-ga's. */
  readonly ratio: number | undefined;
  /** Whether the limit is kept; `undefined` for a row without one. */
  readonly ok: boolean | undefined;
  /** Whether other load disturbed half of the rounds or more. */
  readonly isDisturbed: boolean;
  /** The numbers of the rounds. */
  readonly rounds: { readonly agent: readonly number[]; readonly qemuGa: readonly number[] };
}

/** Makes the results of a measure. */
export function summarize({ rows }: Pick<Measure, "rows">, rounds: Rounds): Result[] {
  const isDisturbed = (rounds.disturbed ?? 0) * 2 >= Math.max(1, rounds.agent.length);
  const ours = (label: string) => {
    const row = rows.find((candidate) => candidate.label === label);
    return row === undefined ? undefined : overRounds(row, valuesOf(label, rounds.agent));
  };
  return rows.map((row) => {
    const agentRounds = valuesOf(row.label, rounds.agent);
    const qemuGaRounds = valuesOf(row.label, rounds.qemuGa);
    const agent = overRounds(row, agentRounds);
    const qemuGa = overRounds(row, qemuGaRounds);
    const hasRatio = agent !== undefined && qemuGa !== undefined && qemuGa > 0;
    const ratio = hasRatio ? agent / qemuGa : undefined;
    const ok = row.limit === undefined ? undefined : isKept(row.limit, { agent, ratio, ours });
    return {
      row,
      agent,
      qemuGa,
      ratio,
      ok,
      isDisturbed,
      rounds: { agent: agentRounds, qemuGa: qemuGaRounds },
    };
  });
}

interface Numbers {
  readonly agent: number | undefined;
  readonly ratio: number | undefined;
  /** Our number of another row. */
  readonly ours: (label: string) => number | undefined;
}

/** A missing number fails every limit: comparing NaN is always false. */
function isKept(limit: Limit, { agent = NaN, ratio = NaN, ours }: Numbers): boolean {
  switch (limit.kind) {
    case "ratio at most":
      return ratio <= limit.factor;
    case "ratio at least":
      return ratio >= limit.factor;
    case "at most":
      return agent <= limit.value;
    case "under":
      return agent < limit.value;
    case "times own":
      return agent <= limit.factor * (ours(limit.of) ?? NaN);
  }
}

const valuesOf = (label: string, readings: readonly Reading[]): number[] =>
  readings.map((reading) => reading[label]).filter((value) => value !== undefined);

function overRounds(row: Row, values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return row.over === "max" ? Math.max(...values) : median(values);
}
