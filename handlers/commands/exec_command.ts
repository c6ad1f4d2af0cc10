import * as z from "zod";
import {
  commandFailed,
  ERRORS,
  invalidParams,
  permissionDenied,
  timedOut,
} from "../../lib/base/errors.ts";
import { base64Capacity, fitText, jsonBytes } from "../../lib/base/json_text.ts";
import { HALF_PAIR, normalizePath } from "../../lib/policy/paths.ts";
import { PROGRAM_PATH } from "../../lib/platform/linux/programs.ts";
import type { CapturedOutput, RunResult } from "../../lib/guest/commands.ts";
import { type Context, method } from "../../lib/core/method.ts";

const DEFAULT_TIMEOUT_SECONDS = 30;
/** Bytes of JSON of a result, or of an error's data, beside the two outputs. */
const OTHER_MEMBERS_BYTES = 512;

const Text = z.string().check(
  z.refine((text) => !text.includes("\0"), "must not contain NUL"),
  z.refine((text) => text.isWellFormed(), HALF_PAIR),
);

const VariableName = z.string().check(
  z.refine((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name), "must be a variable's name"),
);

const Params = z.strictObject({
  command: Text,
  args: z._default(z.array(Text), []),
  timeout_seconds: z.optional(z.int().check(z.gte(1))),
  capture_output: z._default(z.boolean(), true),
  working_directory: z._default(Text, "/"),
  env: z._default(z.record(VariableName, Text), {}),
  input: z.optional(z.string()),
  input_encoding: z._default(z.enum(["utf8", "base64"]), "utf8"),
  output_encoding: z._default(z.enum(["utf8", "base64"]), "utf8"),
});

type ExecParams = z.output<typeof Params>;

/** `exec_command` (protocol §5): runs a program without a shell; times in seconds, sizes in bytes. */
export const execCommand = method({
  name: "exec_command",
  capability: "exec_command",
  summary: "Runs a program in the guest and returns how it ended and what it printed.",
  notes: [
    "No shell: `args` reach the program as they are. A bare name is looked for in " +
    `\`${PROGRAM_PATH}\`; anything else must be an absolute path. Where \`command_whitelist\` is ` +
    "set, it has the names or paths that are allowed, compared before links are followed.",
    "The environment has `PATH`, `HOME`, `LANG=C.UTF-8`, `TERM=dumb` and `env`; the working " +
    "directory is `/`; the input is empty unless `input` gives it. With `capture_output: false` " +
    "the output goes to /dev/null.",
    "`timeout_seconds` (default 30, at most `max_command_timeout_seconds`) ends the command's " +
    "process group with SIGTERM and, 2 seconds later, SIGKILL; the answer is -32003 then, with what " +
    "was printed so far in `data`. A command ended by a signal has `exit_code` 128 + its number, " +
    "and `signal`. Any exit code is a result.",
    "Output that does not fit one message is thrown away: `stdout_truncated`, `stderr_truncated`. " +
    'In `utf8` what is not UTF-8 is replaced by U+FFFD; `output_encoding: "base64"` is exact. A ' +
    "process left behind in the background does not hold up the answer.",
  ],
  params: Params,
  result: z.strictObject({
    exit_code: z.int(),
    signal: z.optional(z.string()),
    stdout: z.string(),
    stderr: z.string(),
    stdout_truncated: z.boolean(),
    stderr_truncated: z.boolean(),
    execution_time_ms: z.int(),
  }),
  errors: [
    { code: ERRORS.permissionDenied.code, when: "Not in `command_whitelist`, or not executable" },
    { code: ERRORS.notFound.code, when: "No such program or working directory" },
    { code: ERRORS.timeout.code, when: "Ended by the time limit; `data` has the output so far" },
    { code: ERRORS.commandFailed.code, when: "It could not be started, or was cancelled" },
  ],
  hidden: ["env", "input"],
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
  available: ({ config }) => config.security.command_whitelist?.length !== 0,
  target: ({ command }) => ({ command }),
  run: async (params, context) => {
    const { security } = context.config;
    const timeoutSeconds = timeoutOf(params, security.max_command_timeout_seconds);
    refuseLoaderVariables(params.env, security.command_whitelist);
    const program = context.guest.commands.find(params.command, security.command_whitelist);
    const workingDirectory = normalizePath(params.working_directory, "working_directory");
    const input = inputOf(params);
    const room = context.resultLimitBytes - OTHER_MEMBERS_BYTES;
    let result: RunResult;
    try {
      result = await context.guest.commands.run({
        program,
        args: params.args,
        workingDirectory,
        env: {
          PATH: PROGRAM_PATH,
          HOME: await context.guest.commands.homeDirectory(),
          LANG: "C.UTF-8",
          TERM: "dumb",
          ...params.env,
        },
        input,
        maxOutputBytes: params.capture_output ? room : 0,
        timeoutMs: timeoutSeconds * 1000,
        signal: context.signal,
      });
    } catch (error) {
      throw startFailure(error, params.command);
    }
    const report = {
      ...outputs(result, params.output_encoding, room),
      execution_time_ms: result.durationMs,
    };
    if (result.endedBy === "timeout") {
      const reason = `${params.command} was ended after ${timeoutSeconds} s`;
      throw timedOut(reason, { timeout_seconds: timeoutSeconds, ...report });
    }
    if (result.endedBy === "cancellation") throw cancelled(context, report);
    return result.signal === null
      ? { exit_code: result.code, ...report }
      : { exit_code: result.code, signal: result.signal, ...report };
  },
});

function timeoutOf({ timeout_seconds }: ExecParams, most: number): number {
  if (timeout_seconds === undefined) return Math.min(DEFAULT_TIMEOUT_SECONDS, most);
  if (timeout_seconds <= most) return timeout_seconds;
  throw invalidParams(
    `timeout_seconds must be at most ${most} (max_command_timeout_seconds), received ${timeout_seconds}`,
    { params: ["timeout_seconds"] },
  );
}

/** A whitelist is worth nothing when the caller can have the loader load code of his own. */
function refuseLoaderVariables(
  env: Readonly<Record<string, string>>,
  whitelist: readonly string[] | null,
): void {
  const name = Object.keys(env).find((key) => /^(LD_|GLIBC_TUNABLES$)/.test(key));
  if (whitelist !== null && name !== undefined) {
    throw permissionDenied(`env.${name} is not allowed where command_whitelist is set`);
  }
}

function inputOf({ input, input_encoding }: ExecParams): Uint8Array<ArrayBuffer> | undefined {
  if (input === undefined) return undefined;
  if (input_encoding === "utf8") {
    if (!input.isWellFormed()) throw invalidParams(`input ${HALF_PAIR}: use base64`);
    return new TextEncoder().encode(input);
  }
  try {
    return Uint8Array.fromBase64(input);
  } catch {
    throw invalidParams("input is not base64, as input_encoding says");
  }
}

/** The runtime's message without our internals: the program or the working directory is at fault. */
function startFailure(error: unknown, command: string): unknown {
  if (!(error instanceof Deno.errors.NotFound)) return error;
  const cwd = /(No such cwd|cwd is not a directory) '(.*)'$/.exec(error.message);
  if (cwd === null) {
    return new Deno.errors.NotFound(`no program ${command}, or no interpreter for it`);
  }
  return cwd[1] === "No such cwd"
    ? new Deno.errors.NotFound(`the working directory ${cwd[2]} does not exist`)
    : commandFailed(`the working directory ${cwd[2]} is no directory`);
}

function cancelled({ signal }: Context, report: Record<string, unknown>) {
  const why = signal.reason instanceof Error ? signal.reason.message : "cancelled";
  return commandFailed(why, report);
}

/** Both outputs as they go on the wire, within `room` bytes of JSON together. */
function outputs({ stdout, stderr }: RunResult, encoding: "utf8" | "base64", room: number) {
  const both = [textOf(stdout, encoding), textOf(stderr, encoding)] as const;
  const [outBytes, errBytes] = [jsonBytes(both[0]), jsonBytes(both[1])];
  const half = Math.floor(room / 2);
  // The one that needs less than half leaves the rest to the other.
  const outRoom = Math.max(half, room - errBytes);
  const errRoom = Math.max(half, room - Math.min(outBytes, outRoom));
  const out = cut(both[0], outBytes, outRoom, encoding);
  const err = cut(both[1], errBytes, Math.min(errRoom, room - jsonBytes(out)), encoding);
  return {
    stdout: out,
    stderr: err,
    stdout_truncated: stdout.truncated || out.length < both[0].length,
    stderr_truncated: stderr.truncated || err.length < both[1].length,
  };
}

function textOf({ bytes, truncated }: CapturedOutput, encoding: "utf8" | "base64"): string {
  if (encoding === "base64") return bytes.toBase64();
  // As a stream, a character that was cut off at the end is left out instead of replaced.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes, { stream: truncated });
}

function cut(text: string, bytes: number, room: number, encoding: "utf8" | "base64"): string {
  if (bytes <= room) return text;
  return encoding === "utf8" ? fitText(text, room) : text.slice(0, base64Capacity(room) / 3 * 4);
}
