/**
 * The results for people (Markdown, as the README has it) and for programs.
 *
 * @module
 */

import type { Machine } from "./machine.ts";
import type { Limit, Row } from "./measure.ts";
import type { Result } from "./results.ts";

const NONE = "–";
const RATIO_DIGITS = 2;

/** The whole report as Markdown. */
export function markdown(machine: Machine, rounds: number, results: readonly Result[]): string {
  return [
    ...Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`),
    `- rounds: ${rounds}, alternating, a fresh process for each measure; the median of the ` +
    "rounds, for memory the most; 1 MiB is 1024 × 1024 bytes, 1 MB a million",
    "",
    "| measure | kvmmanager-agent | qemu-ga | ratio | required | ok |",
    "|---|---:|---:|---:|---|---|",
    ...results.map(line),
  ].join("\n");
}

/** The whole report as JSON. */
export function json(machine: Machine, rounds: number, results: readonly Result[]): string {
  const rows = results.map(({ row, agent, qemuGa, ratio, ok, rounds: each }) => ({
    measure: row.label,
    unit: row.unit,
    agent,
    qemu_ga: qemuGa,
    ratio,
    required: row.limit,
    ok,
    rounds: { agent: each.agent, qemu_ga: each.qemuGa },
  }));
  return JSON.stringify({ machine, rounds, results: rows }, null, 2);
}

function line({ row, agent, qemuGa, ratio, ok }: Result): string {
  const cells = [
    row.label,
    amount(row, agent),
    amount(row, qemuGa),
    ratio === undefined ? NONE : ratio.toFixed(RATIO_DIGITS),
    row.limit === undefined ? "" : required(row.limit, row.unit),
    ok === undefined ? "" : ok ? "yes" : "**NO**",
  ];
  return `| ${cells.join(" | ")} |`;
}

function amount({ unit, digits = 0 }: Row, value: number | undefined): string {
  if (value === undefined) return NONE;
  const number = value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return `${number} ${unit}`;
}

function required(limit: Limit, unit: string): string {
  switch (limit.kind) {
    case "ratio at most":
      return `at most ${limit.factor} ×`;
    case "ratio at least":
      return `at least ${limit.factor} ×`;
    case "at most":
      return `at most ${limit.value} ${unit}`;
    case "under":
      return `under ${limit.value} ${unit}`;
    case "times own":
      return `at most ${limit.factor} × its own before`;
  }
}
