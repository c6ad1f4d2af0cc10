/**
 * What a check of the self-check is, and how its result is told.
 *
 * @module
 */

import { messageOf } from "../../../lib/base/message_of.ts";
import { sleep } from "../../../lib/base/timer.ts";
import { withTimer } from "../../../lib/base/waiting.ts";

/** How a check ended. */
export type Result = "passed" | "failed" | "unknown";

/** One row of the table. */
export interface Row {
  readonly result: Result;
  readonly name: string;
  /** What was found. */
  readonly detail: string;
}

/** A check: its name, which says what should hold, and how to find out. */
export interface Check {
  readonly name: string;
  /**
   * Returns what was found if it holds.
   *
   * @throws {Unknown} if this machine cannot tell; any other error means that it does not hold.
   */
  readonly run: () => string | Promise<string>;
}

/** This machine cannot tell; the message says why. */
export class Unknown extends Error {
  override readonly name = "Unknown";
}

/** It does not hold; the message says what holds instead. */
export class Failed extends Error {
  override readonly name = "Failed";
}

/** @throws {Failed} */
export function requireThat(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Failed(otherwise);
}

const POLL_MS = 100;

/** Looks until something is found, or for so many milliseconds. */
export async function waitFor<Found>(
  most: number,
  look: () => Promise<Found | undefined>,
): Promise<Found | undefined> {
  for (let waited = 0; waited < most; waited += POLL_MS) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(POLL_MS);
  }
  return undefined;
}

/** The longest that a check may take. */
const LIMIT_MS = 90_000;

/** Runs a check; never throws. */
export async function rowOf({ name, run }: Check): Promise<Row> {
  let row: Row = { result: "failed", name, detail: `no result within ${LIMIT_MS / 1000} s` };
  const running = Promise.resolve().then(run).then(
    (detail) => row = { result: "passed", name, detail },
    (error: unknown) => {
      const result = error instanceof Unknown ? "unknown" : "failed";
      row = { result, name, detail: messageOf(error) };
    },
  );
  await withTimer(LIMIT_MS, running);
  return row;
}
