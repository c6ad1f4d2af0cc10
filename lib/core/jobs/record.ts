/**
 * What is known about a job besides its output; kept as `job.json` beside it.
 *
 * @module
 */

import * as z from "zod";
import type { SignalName } from "../../guest/commands.ts";

/** The rule for a job's id, which is also the name of its folder. */
export const JOB_ID_REGEXP = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Whether a job runs, has ended, or was running when the agent's process ended. */
export const JOB_STATES = ["running", "ended", "lost"] as const;

const isSignalName = (text: string): text is SignalName => text.startsWith("SIG");

const RecordSchema = () =>
  z.strictObject({
    job_id: z.string().check(z.regex(JOB_ID_REGEXP)),
    /** Distinguishes this job from an earlier one with the same id. */
    instance: z.string().check(z.regex(/^[0-9a-f]{16}$/)),
    /** A hash of the parameters, which may contain secrets. */
    fingerprint: z.string(),
    state: z.enum(JOB_STATES),
    command: z.string(),
    has_terminal: z.boolean(),
    pid: z.optional(z.int()),
    timeout_seconds: z.int(),
    keep_seconds: z.int(),
    started_at: z.string(),
    ended_at: z.optional(z.string()),
    /** Absent for a job that was lost. */
    exit_code: z.optional(z.int()),
    signal: z.optional(z.string().check(z.refine(isSignalName))),
    ended_by: z.optional(z.enum(["itself", "timeout"])),
  });

/** See {@link RecordSchema}; times are ISO 8601 texts. */
export type JobRecord = z.output<ReturnType<typeof RecordSchema>>;

/** The record that a text is, or `undefined` if it is none, as after a crash. */
export function parseRecord(text: string): JobRecord | undefined {
  try {
    return z.parse(RecordSchema(), JSON.parse(text));
  } catch {
    return undefined;
  }
}
