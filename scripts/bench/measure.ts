/**
 * A measure: its rows, their limits and how it is measured.
 *
 * @module
 */

import type { Started } from "./start.ts";

/** A limit of a row. Ratios are our number divided by qemu-ga's. */
export type Limit =
  | { readonly kind: "ratio at most" | "ratio at least"; readonly factor: number }
  /** In the row's unit. */
  | { readonly kind: "at most" | "under"; readonly value: number }
  /** Ours compared with ours in another row of the same measure. */
  | { readonly kind: "times own"; readonly factor: number; readonly of: string };

/** One row of the table. */
export interface Row {
  readonly label: string;
  readonly unit: string;
  /** Digits after the point. @default {0} */
  readonly digits?: number;
  /** How the rounds become one number. @default {"median"} */
  readonly over?: "median" | "max";
  readonly limit?: Limit;
  /** Whether the README's short table has it. @default {false} */
  readonly inReadme?: boolean;
}

/** The numbers of one round by label, without those that do not apply. */
export type Reading = Readonly<Record<string, number | undefined>>;

/** Something that is measured, each time on a fresh process. */
export interface Measure {
  /** The name that `--only` matches. */
  readonly name: string;
  readonly rows: readonly Row[];
  run(started: Started): Promise<Reading>;
}
