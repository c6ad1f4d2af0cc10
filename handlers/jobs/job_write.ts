import * as z from "zod";
import { commandFailed, ERRORS } from "../../lib/base/errors.ts";
import type { Job } from "../../lib/core/jobs/job.ts";
import type { JobInput } from "../../lib/core/jobs/input.ts";
import { method } from "../../lib/core/method.ts";
import { decodeInput } from "../commands/_input.ts";
import { JobId, NO_SUCH_JOB, WaitSeconds } from "./_job_method.ts";

const NO_INPUT = new Uint8Array(0);

/** `job_write`: input for a job. Sizes in bytes, times in seconds. */
export const jobWrite = method({
  name: "job_write",
  summary: "Sends input to a job, or ends its input.",
  notes: [
    "Works for jobs that were started with `keep_input_open` or `tty`. The agent keeps 64 KiB for a " +
    "program that does not read: `accepted_bytes` says how many bytes of `data` it took, perhaps 0. " +
    "Send the rest again; with `wait_seconds` (0 to 60) the call waits until there is room.",
    "`offset` is where `data` belongs in the whole input. Bytes before `input_bytes`, which the agent " +
    "already has, are not written again: so a request whose answer was lost can be repeated, even " +
    "after the job has ended.",
    "`end` ends the input after `data`, if all of it was accepted; in a terminal that is the " +
    "end-of-file character. Ctrl-C is the byte 3.",
  ],
  params: () =>
    z.strictObject({
      job_id: JobId(),
      data: z._default(z.string(), ""),
      encoding: z._default(z.enum(["utf8", "base64"]), "utf8"),
      offset: z.optional(z.int().check(z.gte(0))),
      end: z._default(z.boolean(), false),
      wait_seconds: WaitSeconds(),
    }),
  result: () =>
    z.strictObject({ accepted_bytes: z.int(), input_bytes: z.int(), input_open: z.boolean() }),
  errors: [
    NO_SUCH_JOB,
    {
      code: ERRORS.commandFailed.code,
      when: "The job or its input has ended, or the program has closed its input",
    },
  ],
  hidden: ["data"],
  access: "exec",
  audited: true,
  example: {
    params: { job_id: "shell-1", data: "ls\r", offset: 0 },
    result: { accepted_bytes: 3, input_bytes: 3, input_open: true },
  },
  target: ({ job_id }) => ({ job_id }),
  wait: async ({ job_id, wait_seconds }, { jobs, config }) => {
    await jobs.restore(config.jobs);
    const job = jobs.get(job_id);
    // `run` says what became of it.
    if (wait_seconds === 0 || !job.isRunning) return undefined;
    const input = inputOf(job);
    const hasRoom = () => input.room > 0 || !job.isRunning;
    if (hasRoom()) return undefined;
    return { seconds: wait_seconds, event: (signal) => job.until(hasRoom, signal) };
  },
  run: ({ job_id, data, encoding, offset, end }, { jobs }) => {
    const job = jobs.get(job_id);
    const names = { text: "data", encoding: "encoding" };
    const bytes = decodeInput(data, encoding, names) ?? NO_INPUT;
    const input_bytes = job.input?.acceptedBytes ?? 0;
    const isRepeated = offset !== undefined && offset + bytes.byteLength <= input_bytes;
    // The job has ended since, perhaps because of this very input.
    if (!job.isRunning && isRepeated) {
      return { accepted_bytes: bytes.byteLength, input_bytes, input_open: false };
    }
    const input = inputOf(job);
    const accepted_bytes = input.accept({ bytes, offset, isLast: end });
    return { accepted_bytes, input_bytes: input.acceptedBytes, input_open: !input.isEnded };
  },
});

/** @throws {RpcError} -32000 if the job has ended. */
function inputOf({ isRunning, input, record: { job_id } }: Job): JobInput {
  if (isRunning && input !== undefined) return input;
  throw commandFailed(`job ${job_id} has ended`, { job_id });
}
