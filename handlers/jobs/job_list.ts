import * as z from "zod";
import { utf8Bytes } from "../../lib/base/json_text.ts";
import { method } from "../../lib/core/method.ts";
import { EXAMPLE_STATUS, JobId, StatusMembers, statusOf } from "./_job_method.ts";

/** Bytes of JSON of a result besides the jobs. */
const OTHER_MEMBERS_BYTES = 128;

/** `job_list`: all jobs, page by page. */
export const jobList = method({
  name: "job_list",
  summary: "Lists the jobs that are running, and those that have ended and are kept.",
  notes: [
    "The oldest first, each as `job_status` returns it. If they do not fit one message, `next` is the " +
    "`after` for the next page.",
  ],
  params: () => z.strictObject({ after: z.optional(JobId()) }),
  result: () =>
    z.strictObject({
      jobs: z.array(z.strictObject(StatusMembers())),
      next: z.optional(z.string()),
    }),
  access: "exec",
  audited: false,
  example: { result: { jobs: [EXAMPLE_STATUS] } },
  run: async ({ after }, { jobs, config, resultLimitBytes }) => {
    await jobs.restore(config.jobs);
    const all = jobs.list();
    const first = after === undefined
      ? 0
      : all.findIndex(({ record }) => record.job_id === after) + 1;
    const page: ReturnType<typeof statusOf>[] = [];
    let room = resultLimitBytes - OTHER_MEMBERS_BYTES;
    for (const job of all.slice(first)) {
      const status = statusOf(job);
      room -= utf8Bytes(JSON.stringify(status));
      const last = page.at(-1);
      if (room < 0 && last !== undefined) return { jobs: page, next: last.job_id };
      page.push(status);
    }
    return { jobs: page };
  },
});
