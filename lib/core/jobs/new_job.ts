/**
 * What a job is started with.
 *
 * @module
 */

import type { Config } from "../../config/schema.ts";
import type { StartedCommand, StartOptions } from "../../guest/commands.ts";

/** The limits of jobs. */
export type JobLimits = Config["jobs"];

/** What a job is started with. */
export interface NewJob {
  readonly id: string;
  /** The same for the same request only. */
  readonly fingerprint: string;
  /** The name for people. */
  readonly command: string;
  readonly timeoutSeconds: number;
  readonly keepSeconds: number;
  readonly hasTerminal: boolean;
  /** Starts it. */
  readonly start: (
    limits: Pick<StartOptions, "timeoutMs" | "signal" | "onOutput">,
  ) => Promise<StartedCommand>;
  /** The input to write at once; the input ends with it if `isLast`. */
  readonly input: { readonly bytes: Uint8Array<ArrayBuffer>; readonly isLast: boolean };
  readonly limits: JobLimits;
}
