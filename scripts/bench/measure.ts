/**
 * What a measure is: one value that holds all that is known of it.
 *
 * @module
 */

import type { Started } from "./start.ts";

/** What a number must keep to. Ratios are ours to qemu-ga's. */
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
}

/** The numbers of one round by label; one that does not apply is absent. */
export type Reading = Readonly<Record<string, number | undefined>>;

/** Something that is measured, on a fresh process each time. */
export interface Measure {
  /** What `--only` is compared with. */
  readonly name: string;
  readonly rows: readonly Row[];
  run(started: Started): Promise<Reading>;
}
