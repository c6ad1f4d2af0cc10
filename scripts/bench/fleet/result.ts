/**
 * What the bench of a fleet has measured, and the limits.
 *
 * @module
 */

import { printLine } from "../../../lib/base/terminal.ts";

/** A measured value. */
export interface Result {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** The limit, if there is one: the value must be less, or at least as much. */
  readonly limit?: { readonly below: number } | { readonly atLeast: number };
}

/** Whether a limit is exceeded, or the value is unknown. */
export function isBroken({ value, limit }: Result): boolean {
  if (limit === undefined) return false;
  return "below" in limit ? !(value < limit.below) : !(value >= limit.atLeast);
}

function limitText({ unit, limit }: Result): string {
  if (limit === undefined) return "";
  return "below" in limit ? `< ${limit.below} ${unit}` : `≥ ${limit.atLeast} ${unit}`;
}

/** Prints a table in Markdown; returns whether a limit is exceeded. */
export function printResults(results: readonly Result[]): boolean {
  printLine("| what | measured | limit | |\n| ---- | -------: | ----: | --- |");
  for (const result of results) {
    const { what, value, unit, limit } = result;
    const verdict = isBroken(result) ? "BROKEN" : limit === undefined ? "" : "ok";
    printLine(`| ${what} | ${value.toFixed(2)} ${unit} | ${limitText(result)} | ${verdict} |`);
  }
  return results.some(isBroken);
}
