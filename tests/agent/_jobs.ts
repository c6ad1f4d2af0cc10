/**
 * Jobs as a host uses them.
 *
 * @module
 */

import { assert } from "@std/assert";
import * as z from "zod";
import { jobRead } from "../../handlers/jobs/job_read.ts";
import { jobStart } from "../../handlers/jobs/job_start.ts";
import { jobStatus } from "../../handlers/jobs/job_status.ts";
import type { Host } from "./_host.ts";

/** A shell script as parameters of job_start. */
export const script = (job_id: string, code: string, more: Record<string, unknown> = {}) => ({
  job_id,
  command: "sh",
  args: ["-c", code],
  ...more,
});

/** Starts a job. */
export const startJob = (host: Host, params: Record<string, unknown>) =>
  host.call("job_start", params, jobStart.result);

/** Reads once. */
export const readJob = (host: Host, params: Record<string, unknown>) =>
  host.call("job_read", params, jobRead.result);

/** The state of a job. */
export const statusOf = (host: Host, job_id: string, wait_seconds = 0) =>
  host.call("job_status", { job_id, wait_seconds }, jobStatus.result);

/** What {@link readAll} has read. */
export interface AllOutput {
  readonly text: Readonly<Record<"stdout" | "stderr" | "tty", string>>;
  /** The streams in order of arrival, neighbours once. */
  readonly order: readonly string[];
  readonly lost: number;
  readonly cursor: string;
  readonly end: z.output<typeof jobRead.result>;
}

/** Reads to the end of the job, or until `isEnough` is content with the text of all streams. */
export async function readAll(
  host: Host,
  params: { readonly job_id: string; readonly cursor?: string; readonly encoding?: string },
  isEnough: (text: string) => boolean = () => false,
): Promise<AllOutput> {
  const text = { stdout: "", stderr: "", tty: "" };
  const order: string[] = [];
  let lost = 0;
  let cursor = params.cursor;
  for (;;) {
    const end = await readJob(host, { ...params, cursor, wait_seconds: 10 });
    for (const { stream, data } of end.output) {
      text[stream] += params.encoding === "base64" ? atob(data) : data;
      if (order.at(-1) !== stream) order.push(stream);
    }
    lost += end.lost_bytes;
    cursor = end.cursor;
    assert(end.eof || end.output.length > 0 || end.lost_bytes > 0, "a read that waited 10 s");
    const isDone = end.eof || isEnough(text.stdout + text.stderr + text.tty);
    if (isDone) return { text, order, lost, cursor, end };
  }
}
