import * as z from "zod";
import { commandFailed, ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { JobId, NO_SUCH_JOB, TerminalMembers } from "./_job_method.ts";

/** `job_resize`: the size of a job's terminal. */
export const jobResize = method({
  name: "job_resize",
  capability: "terminal",
  summary: "Changes the size of a job's terminal; its programs get SIGWINCH.",
  params: () => z.strictObject({ job_id: JobId(), ...TerminalMembers() }),
  result: () => z.strictObject({ rows: z.int(), cols: z.int() }),
  errors: [
    NO_SUCH_JOB,
    { code: ERRORS.commandFailed.code, when: "The job has ended or has no terminal" },
  ],
  access: "exec",
  audited: true,
  example: {
    params: { job_id: "shell-1", rows: 50, cols: 132 },
    result: { rows: 50, cols: 132 },
  },
  available: ({ config, guest }) =>
    config.security.command_whitelist?.length !== 0 &&
    guest.commands.terminalProblem() === undefined,
  target: ({ job_id }) => ({ job_id }),
  run: async ({ job_id, rows, cols }, { jobs, config }) => {
    await jobs.restore(config.jobs);
    const { command, record } = jobs.get(job_id);
    if (command === undefined) throw commandFailed(`job ${job_id} has ended`, { job_id });
    if (!record.has_terminal) {
      throw commandFailed(`job ${job_id} has no terminal; start it with tty`, { job_id });
    }
    await command.resize({ rows, cols });
    return { rows, cols };
  },
});
