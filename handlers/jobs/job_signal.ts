import * as z from "zod";
import { commandFailed, ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { SIGNALS } from "../../lib/guest/commands.ts";
import { JobId, NO_SUCH_JOB } from "./_job_method.ts";

/** `job_signal`: a signal to a job. */
export const jobSignal = method({
  name: "job_signal",
  summary: "Sends a signal to a job.",
  notes: [
    "The signal reaches the process group of the program that was started. Under systemd, `SIGTERM` " +
    "and `SIGKILL` reach everything that the job has started, in other groups and sessions too; so " +
    "do the end of its time and of the agent.",
    "In a terminal, the group is that of the program that was started. What Ctrl-C reaches there is " +
    'the group in the foreground: send it as input (`job_write` with `"\\u0003"`).',
  ],
  params: () => z.strictObject({ job_id: JobId(), signal: z.enum(SIGNALS) }),
  result: () => z.strictObject({ signal: z.enum(SIGNALS) }),
  errors: [NO_SUCH_JOB, { code: ERRORS.commandFailed.code, when: "The job has ended" }],
  access: "exec",
  audited: true,
  example: {
    params: { job_id: "backup-1", signal: "SIGTERM" },
    result: { signal: "SIGTERM" },
  },
  target: ({ job_id, signal }) => ({ job_id, signal }),
  run: async ({ job_id, signal }, { jobs, config }) => {
    await jobs.restore(config.jobs);
    const { command } = jobs.get(job_id);
    if (command === undefined) throw commandFailed(`job ${job_id} has ended`, { job_id });
    await command.signal(signal);
    return { signal };
  },
});
