import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { checkEnvironment, findProgram } from "../../lib/policy/commands.ts";
import { addMissing } from "../commands/_environment.ts";
import { decodeInput } from "../commands/_input.ts";
import { commandMembers } from "../commands/_params.ts";
import { commandRule } from "../commands/_policy.ts";
import { fingerprintOf, timeRules, within } from "./_new_job.ts";
import { workingDirectoryOf } from "../commands/_working_directory.ts";
import { EXAMPLE_STATUS, JobId, StatusMembers, statusOf, TerminalMembers } from "./_job_method.ts";

/** Characters of the command that `job_status` and `job_list` show. */
const MAX_SHOWN_COMMAND = 256;
const NO_INPUT = new Uint8Array(0);
/** What a terminal is called unless `env` says otherwise. */
const TERMINAL_TYPE = "xterm-256color";

const Params = () =>
  z.strictObject({
    job_id: JobId(),
    ...commandMembers(),
    keep_input_open: z._default(z.boolean(), false),
    tty: z.optional(z.strictObject(TerminalMembers())),
    keep_seconds: z.optional(z.int().check(z.gte(0))),
  });

/** `job_start`: runs a program in the background. Times in seconds. */
export const jobStart = method({
  name: "job_start",
  capability: "jobs",
  summary: "Starts a program in the background; its output is kept and can be read at any time.",
  notes: [
    "The host chooses `job_id`: 1 to 64 letters, digits, `.`, `_` or `-`. The same request with the " +
    "same `job_id` starts nothing again and returns the same job with `started: false`, so a request " +
    "whose answer was lost can be repeated. Another request with the `job_id` of a known job is " +
    "refused.",
    "`command`, `args`, `working_directory`, `env`, `input` and `input_encoding` are those of " +
    "`exec_command`, and the same rules hold. After `timeout_seconds` (default and maximum " +
    "`jobs.max_seconds`) the job is ended as `exec_command` ends a command. Its input ends after " +
    "`input`, unless `keep_input_open` is true: then `job_write` adds to it.",
    "With `tty`, the program gets a terminal of this size: its output is one stream, `tty`, `TERM` is " +
    "`" + TERMINAL_TYPE + "` unless `env` sets it, and the input stays open. A guest whose " +
    "`capabilities` (`get_agent_info`) lack `terminal` has none.",
    "A job does not depend on the host's connection. It ends with the agent's process and is `lost` " +
    "then; its output so far is kept. An ended job is forgotten `keep_seconds` after its end " +
    "(default and maximum `jobs.keep_seconds`), or earlier if `jobs.max_kept` jobs are known.",
  ],
  params: Params,
  result: () => z.strictObject({ started: z.boolean(), ...StatusMembers() }),
  errors: [
    {
      code: ERRORS.permissionDenied.code,
      when: "The program or a variable is not allowed, or the file is not executable",
    },
    {
      code: ERRORS.notFound.code,
      when: "The program, its interpreter or the working directory does not exist",
    },
    {
      code: ERRORS.commandFailed.code,
      when: "It could not be started, or the guest has no terminals",
    },
    { code: ERRORS.tooManyRequests.code, when: "`jobs.max_running` jobs are running" },
  ],
  hidden: ["env", "input"],
  access: "exec",
  audited: true,
  example: {
    params: { job_id: "backup-1", command: "tar", args: ["-cvf", "/srv/backup.tar", "/srv/www"] },
    result: { started: true, ...EXAMPLE_STATUS },
  },
  available: ({ config }) => config.security.command_whitelist?.length !== 0,
  target: ({ job_id, command }) => ({ job_id, command }),
  policy: (params, services) => [commandRule(params, services), ...timeRules(params, services)],
  run: async (params, { config, guest, jobs }) => {
    const { commands } = guest;
    const { security, jobs: limits } = config;
    const fingerprint = await fingerprintOf({
      ...params,
      env: Object.entries(params.env).sort(([one], [other]) => one < other ? -1 : 1),
    });
    const { env, tty } = params;
    checkEnvironment(env, security);
    const input = decodeInput(params.input, params.input_encoding) ?? NO_INPUT;
    if (tty !== undefined) addMissing(env, { TERM: TERMINAL_TYPE });
    const run = {
      program: findProgram(params.command, security.command_whitelist, commands),
      args: params.args,
      workingDirectory: workingDirectoryOf(params, guest),
      env: addMissing(env, await commands.baseEnvironment()),
      terminal: tty,
    };
    const { job, isNew } = await jobs.start({
      id: params.job_id,
      fingerprint,
      command: params.command.slice(0, MAX_SHOWN_COMMAND).toWellFormed(),
      timeoutSeconds: within("timeout_seconds", params.timeout_seconds, limits.max_seconds),
      keepSeconds: within("keep_seconds", params.keep_seconds, limits.keep_seconds),
      hasTerminal: tty !== undefined,
      start: (given) => commands.start({ ...run, ...given }),
      input: { bytes: input, isLast: tty === undefined && !params.keep_input_open },
      limits,
    });
    return { started: isNew, ...statusOf(job) };
  },
});
