import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { JobId, NO_SUCH_JOB } from "./_job_method.ts";

/** `job_forget`: removes an ended job. */
export const jobForget = method({
  name: "job_forget",
  summary: "Forgets a job that has ended, and removes its output.",
  params: () => z.strictObject({ job_id: JobId() }),
  result: () => z.strictObject({ forgotten: z.literal(true) }),
  errors: [NO_SUCH_JOB, { code: ERRORS.commandFailed.code, when: "The job is running" }],
  access: "exec",
  audited: true,
  example: { params: { job_id: "backup-1" }, result: { forgotten: true } },
  target: ({ job_id }) => ({ job_id }),
  run: async ({ job_id }, { jobs, config }) => {
    await jobs.restore(config.jobs);
    await jobs.forget(job_id);
    return { forgotten: true as const };
  },
});
