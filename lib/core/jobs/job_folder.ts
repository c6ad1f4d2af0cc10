/**
 * A job's folder in the state: made for a new job, and read after a restart of the agent.
 *
 * @module
 */

import type { SpoolLimits, StateFolder } from "../../guest/state.ts";
import { FILES, Job } from "./job.ts";
import { JOB_ID_REGEXP, type JobRecord, parseRecord } from "./record.ts";

/** A new job; whatever is in its folder is removed. */
export async function createJob(
  folder: StateFolder,
  record: JobRecord,
  limits: SpoolLimits,
): Promise<Job> {
  await folder.remove();
  return new Job(record, folder, await folder.spool(FILES.output, limits));
}

/** The job in a folder with this name; `undefined` if there is none, and then no folder either. */
export async function restoreJob(
  folder: StateFolder,
  name: string,
  limits: SpoolLimits,
): Promise<Job | undefined> {
  const record = parseRecord(await folder.readText(FILES.record) ?? "");
  if (record === undefined || record.job_id !== name || !JOB_ID_REGEXP.test(name)) {
    // What is left of a job that was being forgotten or never started.
    await folder.remove();
    return undefined;
  }
  return new Job(record, folder, await folder.spool(FILES.output, limits));
}
