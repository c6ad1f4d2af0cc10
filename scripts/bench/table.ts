/**
 * The results for people, as Markdown, and for programs.
 *
 * @module
 */

import type { Format } from "./options.ts";
import type { Machine } from "./machine.ts";
import type { Limit, Row } from "./measure.ts";
import type { Result } from "./results.ts";

const NONE = "–";
const RATIO_DIGITS = 2;

/** The report of one agent. */
export interface Report {
  readonly machine: Machine;
  readonly rounds: number;
  readonly results: readonly Result[];
}

/** Prints a report in a format. */
export function format(name: Format, { machine, rounds, results }: Report): string {
  if (name === "json") return json(machine, rounds, results);
  if (name === "markdown") return markdown(machine, rounds, results);
  return markdown(machine, rounds, results.filter(({ row }) => row.inReadme === true));
}

/** A report as Markdown. */
export function markdown(machine: Machine, rounds: number, results: readonly Result[]): string {
  return [
    ...Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`),
    `- ${rounds} alternating rounds with a new process for each measure; ` +
    "medians, and for memory the maximum; 1 MiB is 1,048,576 bytes, 1 MB is 1,000,000",
    ...(results.some(({ isDisturbed }) => isDisturbed)
      ? ["- †: other load disturbed this row, even when it was repeated"]
      : []),
    "",
    "| measure | kvmmanager-agent | qemu-ga | ratio | required | ok |",
    "|---|---:|---:|---:|---|---|",
    ...results.map(line),
  ].join("\n");
}

/** A report as JSON. */
function json(machine: Machine, rounds: number, results: readonly Result[]): string {
  const rows = results.map(({ row, agent, qemuGa, ratio, ok, isDisturbed, rounds: each }) => ({
    measure: row.label,
    unit: row.unit,
    agent,
    qemu_ga: qemuGa,
    ratio,
    required: row.limit,
    ok,
    disturbed: isDisturbed,
    rounds: { agent: each.agent, qemu_ga: each.qemuGa },
  }));
  return JSON.stringify({ machine, rounds, results: rows }, null, 2);
}

function line({ row, agent, qemuGa, ratio, ok, isDisturbed }: Result): string {
  const cells = [
    isDisturbed ? `${row.label} †` : row.label,
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
