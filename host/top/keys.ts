/**
 * Maps the keys of `top` to changes of the view.
 *
 * @module
 */

import { sorted, type SortKey, type View, type VmRow } from "./model.ts";

const SORT_OF: Readonly<Record<string, SortKey>> = {
  n: "name",
  s: "state",
  u: "uptime",
  l: "load",
  m: "memory",
  d: "disk",
};

/** Steps through the rows by the arrow keys (console_codes(4)) and those of vi. */
const STEP_OF: Readonly<Record<string, number>> = {
  "\x1b[A": -1,
  "\x1bOA": -1,
  k: -1,
  "\x1b[B": 1,
  "\x1bOB": 1,
  j: 1,
  "\x1b[5~": -10,
  "\x1b[6~": 10,
  "\x1b[H": Number.NEGATIVE_INFINITY,
  "\x1b[1~": Number.NEGATIVE_INFINITY,
  g: Number.NEGATIVE_INFINITY,
  "\x1b[F": Number.POSITIVE_INFINITY,
  "\x1b[4~": Number.POSITIVE_INFINITY,
  G: Number.POSITIVE_INFINITY,
};

const CTRL_C = "\x03";
const ESCAPE = "\x1b";
const BACKSPACE = "\x7f";

/** Splits a chunk of input into keys; an escape sequence is one key. */
export function keysOf(input: string): string[] {
  // deno-lint-ignore no-control-regex -- a sequence begins with it
  return input.match(/\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])|[^]/gu) ?? [];
}

/** The view after a key, or `"quit"`. */
export function press(key: string, view: View, rows: readonly VmRow[]): View | "quit" {
  if (key === CTRL_C) return "quit";
  if (key === "q") return view.isDetailed ? { ...view, isDetailed: false } : "quit";
  if (key === ESCAPE || key === BACKSPACE) return { ...view, isDetailed: false };
  const step = STEP_OF[key];
  if (step !== undefined) return { ...view, selected: moved(view, rows, step) };
  if (key === "\r" || key === "\n") {
    const selected = view.selected ?? sorted(rows, view)[0]?.key;
    return { ...view, selected, isDetailed: selected !== undefined };
  }
  if (key === "r") return { ...view, isReversed: !view.isReversed };
  const sort = SORT_OF[key];
  if (sort === undefined) return view;
  return { ...view, sort, isReversed: view.sort === sort && !view.isReversed };
}

function moved(view: View, rows: readonly VmRow[], step: number): string | undefined {
  const order = sorted(rows, view);
  const at = Math.max(0, order.findIndex(({ key }) => key === view.selected));
  return order[Math.max(0, Math.min(order.length - 1, at + step))]?.key;
}
