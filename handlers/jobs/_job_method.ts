/**
 * What the methods on jobs have in common.
 *
 * @module
 */

import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import type { DocumentedError } from "../../lib/core/method.ts";
import { cursorOf } from "../../lib/core/jobs/cursor.ts";
import type { Job } from "../../lib/core/jobs/job.ts";
import { JOB_ID_REGEXP, JOB_STATES } from "../../lib/core/jobs/record.ts";
import { MAX_WAIT_SECONDS } from "../../lib/core/waiting_calls.ts";

/** The id of a job. */
export const JobId = () =>
  z.string().check(
    z.refine(
      (id) => JOB_ID_REGEXP.test(id),
      "must be 1 to 64 letters, digits, '.', '_' or '-', and start with a letter or digit",
    ),
  );

/** How long a call may wait for data. */
export const WaitSeconds = () => z._default(z.int().check(z.gte(0), z.lte(MAX_WAIT_SECONDS)), 0);

/** The size of a terminal. */
export const TerminalMembers = () => ({
  rows: z.int().check(z.gte(1), z.lte(1000)),
  cols: z.int().check(z.gte(1), z.lte(1000)),
});

/** How a job ended; all absent while it runs, and all but `state` for one that was lost. */
export const EndMembers = () => ({
  state: z.enum(JOB_STATES),
  exit_code: z.optional(z.int()),
  signal: z.optional(z.string()),
  ended_by: z.optional(z.enum(["itself", "timeout"])),
});

/** {@link EndMembers} of a job. */
export function endOf({ record: { state, exit_code, signal, ended_by } }: Job) {
  return {
    state,
    ...(exit_code === undefined ? {} : { exit_code }),
    ...(signal === undefined ? {} : { signal }),
    ...(ended_by === undefined ? {} : { ended_by }),
  };
}

/** What is known about a job. Sizes in bytes. */
export const StatusMembers = () => ({
  job_id: z.string(),
  ...EndMembers(),
  command: z.string(),
  tty: z.boolean(),
  pid: z.optional(z.int()),
  started_at: z.string(),
  ended_at: z.optional(z.string()),
  timeout_seconds: z.int(),
  keep_seconds: z.int(),
  output_bytes: z.int(),
  begin_cursor: z.string(),
  end_cursor: z.string(),
  input_bytes: z.int(),
  input_open: z.boolean(),
});

/** {@link StatusMembers} of a job. */
export function statusOf(job: Job) {
  const { record, output, input } = job;
  return {
    job_id: record.job_id,
    ...endOf(job),
    command: record.command,
    tty: record.has_terminal,
    ...(record.pid === undefined ? {} : { pid: record.pid }),
    started_at: record.started_at,
    ...(record.ended_at === undefined ? {} : { ended_at: record.ended_at }),
    timeout_seconds: record.timeout_seconds,
    keep_seconds: record.keep_seconds,
    output_bytes: output.end,
    begin_cursor: cursorOf(record.instance, output.begin),
    end_cursor: cursorOf(record.instance, output.end),
    input_bytes: input?.acceptedBytes ?? 0,
    input_open: job.isRunning && input?.isEnded === false,
  };
}

/** {@link StatusMembers} for the reference. */
export const EXAMPLE_STATUS = {
  job_id: "backup-1",
  state: "running",
  command: "tar",
  tty: false,
  pid: 4711,
  started_at: "2026-01-31T12:00:00.000Z",
  timeout_seconds: 86_400,
  keep_seconds: 3600,
  output_bytes: 20,
  begin_cursor: "0f1e2d3c4b5a6978.0",
  end_cursor: "0f1e2d3c4b5a6978.20",
  input_bytes: 0,
  input_open: false,
} as const;

/** The error of every method on one job. */
export const NO_SUCH_JOB: DocumentedError = {
  code: ERRORS.notFound.code,
  when: "There is no job with this id: it was never started, or has been forgotten",
};
