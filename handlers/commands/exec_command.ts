import * as z from "zod";
import { commandFailed, ERRORS, invalidParams, timedOut } from "../../lib/base/errors.ts";
import {
  OUTPUT_BUDGET,
  OUTPUT_LIMITS,
  type OutputShare,
} from "../../lib/base/memory/output_budget.ts";
import { type Context, method } from "../../lib/core/method.ts";
import { checkEnvironment, findProgram, HARMLESS_VARIABLES } from "../../lib/policy/commands.ts";
import { addMissing } from "./_environment.ts";
import { takeInput } from "./_input.ts";
import { encodeOutputs, type Outputs, outputTexts } from "./_outputs.ts";
import { commandRule } from "./_policy.ts";
import { workingDirectoryOf } from "./_working_directory.ts";
import { ExecParams, MAX_ARGUMENTS, MAX_VARIABLES } from "./_params.ts";

const DEFAULT_TIMEOUT_SECONDS = 30;
/** Bytes of JSON that a result, or an error's data, has besides the two outputs. */
const OTHER_MEMBERS_BYTES = 512;

/** `exec_command` (protocol §5): runs a program without a shell. Times in seconds, sizes in bytes. */
export const execCommand = method({
  name: "exec_command",
  capability: "exec_command",
  summary: "Runs a program in the guest and returns its output and exit code.",
  notes: [
    "There is no shell: `args` reach the program unchanged. A bare name is looked up in " +
    "`/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`; anything else must be an " +
    "absolute path. `command_whitelist`, if set, lists the names or paths that are allowed, " +
    "compared before symbolic links are followed.",
    "The environment has `PATH`, `HOME`, `LANG=C.UTF-8`, `TERM=dumb` and `env`; the working " +
    "directory is `/` by default, on Windows the system's own; standard input is empty unless `input` is given. With `capture_output: " +
    "false` the output goes to /dev/null.",
    "While `command_whitelist` is set, `env` may contain only variables that cannot make a " +
    "program load other code: " + HARMLESS_VARIABLES.map((name) => `\`${name}\``).join(", ") +
    ", and none of their values may contain a path. `command_environment` adds names.",
    `A command has at most ${MAX_ARGUMENTS} \`args\` and ${MAX_VARIABLES} variables in \`env\`.`,
    "After `timeout_seconds` (default 30, at most `max_command_timeout_seconds`) the command's " +
    "process group gets SIGTERM and, 2 seconds later, SIGKILL; the answer is then -32003, with " +
    "what was printed so far in `data`. The time counts from the start of the command. A command " +
    "killed by a signal has `exit_code` 128 + its number, and `signal`. Any exit code is a result.",
    "Output that does not fit into one message is discarded: `stdout_truncated`, " +
    "`stderr_truncated`. Commands hold " +
    `${OUTPUT_LIMITS.bytes / 1024} KiB of output together, ` +
    "until their answers have been sent, and one that has ended may exceed that. A command that " +
    "finds no room has to wait with its output, and after " +
    `${OUTPUT_LIMITS.patienceMs / 1000} s ` +
    "what it prints further is discarded, too. In `utf8`, bytes that are not UTF-8 are replaced by U+FFFD; " +
    '`output_encoding: "base64"` is exact. A process left running in the background does not ' +
    "delay the answer.",
  ],
  params: ExecParams,
  result: () =>
    z.strictObject({
      exit_code: z.int(),
      signal: z.optional(z.string()),
      stdout: z.string(),
      stderr: z.string(),
      stdout_truncated: z.boolean(),
      stderr_truncated: z.boolean(),
      execution_time_ms: z.int(),
    }),
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
      code: ERRORS.timeout.code,
      when: "Killed after its time limit; `data` has the output so far",
    },
    { code: ERRORS.commandFailed.code, when: "It could not be started, or was cancelled" },
  ],
  hidden: ["env", "input"],
  access: "exec",
  audited: true,
  example: {
    params: { command: "ls", args: ["-A", "/srv"], timeout_seconds: 30, working_directory: "/" },
    result: {
      exit_code: 0,
      stdout: "backup\nwww\n",
      stderr: "",
      stdout_truncated: false,
      stderr_truncated: false,
      execution_time_ms: 2,
    },
  },
  ownTimeout: true,
  dropsParams: true,
  available: ({ config }) => config.security.command_whitelist?.length !== 0,
  target: ({ command }) => ({ command }),
  policy: (params, services) => {
    const { max_command_timeout_seconds: maximum } = services.config.security;
    chooseTimeout(params.timeout_seconds, maximum);
    return [
      commandRule(params, services),
      {
        key: "security.max_command_timeout_seconds",
        entry: String(maximum),
        parameter: "timeout_seconds",
      },
    ];
  },
  run: async (params, context) => {
    const { security } = context.config;
    const { commands } = context.guest;
    const timeoutSeconds = chooseTimeout(
      params.timeout_seconds,
      security.max_command_timeout_seconds,
    );
    checkEnvironment(params.env, security);
    const room = context.resultLimitBytes - OTHER_MEMBERS_BYTES;
    const outputShare = OUTPUT_BUDGET.open();
    const result = await commands.run({
      program: findProgram(params.command, security.command_whitelist, commands),
      args: params.args,
      workingDirectory: workingDirectoryOf(params, context.guest),
      env: addMissing(params.env, await commands.baseEnvironment()),
      input: takeInput(params),
      maxOutputBytes: params.capture_output ? room : 0,
      outputShare,
      timeoutMs: timeoutSeconds * 1000,
      signal: context.signal,
    }).finally(() => holdUntilAnswered(outputShare, context));
    const execution_time_ms = result.durationMs;
    const outputs = encodeOutputs(result, params.output_encoding, room);
    if (result.endedBy !== "itself") {
      const report = { ...outputTexts(outputs), execution_time_ms };
      if (result.endedBy === "cancellation") throw cancelled(context.signal, report);
      const killed = result.isStuck
        ? "cannot be killed, because it is stuck in the kernel"
        : "was killed with its process group";
      throw timedOut(
        `${params.command} did not finish within ${timeoutSeconds} s and ${killed}`,
        { timeout_seconds: timeoutSeconds, ...report },
      );
    }
    const report = { ...outputs, execution_time_ms };
    return result.signal === null
      ? { exit_code: result.code, ...report }
      : { exit_code: result.code, signal: result.signal, ...report };
  },
});

function chooseTimeout(requested: number | undefined, maximum: number): number {
  if (requested === undefined) return Math.min(DEFAULT_TIMEOUT_SECONDS, maximum);
  if (requested <= maximum) return requested;
  throw invalidParams(
    `timeout_seconds must be at most ${maximum} (security.max_command_timeout_seconds), ` +
      `received ${requested}`,
    { params: ["timeout_seconds"] },
  );
}

/** The answer holds as much as was captured. */
function holdUntilAnswered(share: OutputShare, { whenAnswered }: Context): void {
  if (whenAnswered === undefined) share.close();
  else whenAnswered(() => share.close());
}

function cancelled(
  { reason }: Context["signal"],
  report: Outputs<string> & { readonly execution_time_ms: number },
) {
  return commandFailed(reason instanceof Error ? reason.message : "cancelled", { ...report });
}
