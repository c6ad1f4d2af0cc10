import * as z from "zod";
import { method } from "../../lib/core/method.ts";
import {
  EXAMPLE_STATUS,
  JobId,
  NO_SUCH_JOB,
  StatusMembers,
  statusOf,
  WaitSeconds,
} from "./_job_method.ts";

/** `job_status`: one job. Times in seconds, sizes in bytes. */
export const jobStatus = method({
  name: "job_status",
  summary: "Returns the state of a job, and may wait for its end.",
  notes: [
    "`state` is `running`, `ended`, or `lost`: the agent's process ended while the job ran. An ended " +
    "job has `exit_code` (128 + its number after a signal, and `signal`), and `ended_by`: `itself` or " +
    "`timeout`. `output_bytes` is all its output, also what is no longer kept. With `wait_seconds` " +
    "(0 to 60) the call waits for the end of a running job.",
  ],
  params: () => z.strictObject({ job_id: JobId(), wait_seconds: WaitSeconds() }),
  result: () => z.strictObject(StatusMembers()),
  errors: [NO_SUCH_JOB],
  access: "exec",
  audited: false,
  example: { params: { job_id: "backup-1" }, result: EXAMPLE_STATUS },
  target: ({ job_id }) => ({ job_id }),
  wait: async ({ job_id, wait_seconds }, { jobs, config }) => {
    await jobs.restore(config.jobs);
    const job = jobs.get(job_id);
    if (wait_seconds === 0 || !job.isRunning) return undefined;
    return { seconds: wait_seconds, event: (signal) => job.until(() => !job.isRunning, signal) };
  },
  run: ({ job_id }, { jobs }) => statusOf(jobs.get(job_id)),
});
