import * as z from "zod";
import { ERRORS, invalidParams } from "../../lib/base/errors.ts";
import { cursorOf, positionOf } from "../../lib/core/jobs/cursor.ts";
import type { Job } from "../../lib/core/jobs/job.ts";
import { method } from "../../lib/core/method.ts";
import { EndMembers, endOf, JobId, NO_SUCH_JOB, WaitSeconds } from "./_job_method.ts";
import { encodeTextOutput, readOptions } from "./_output.ts";
import { outputAheadOf, type OutputPiece } from "./_output_ahead.ts";

/** Bytes of JSON of a result besides the output. */
const OTHER_MEMBERS_BYTES = 320;

/** The ids of a host grow, and an answer that is read ahead must fit with one that is longer. */
const LONGER_ID_BYTES = 16;

/** A character of UTF-8. */
const MIN_BYTES = 4;

/** `job_read`: the output of a job from a cursor on. Sizes in bytes, times in seconds. */
export const jobRead = method({
  name: "job_read",
  summary: "Reads the output of a job from a cursor on, and may wait for more.",
  notes: [
    "`output` has the output in order of arrival, in pieces of one stream. Without a `cursor` it " +
    "starts at the beginning; continue with the returned `cursor` until `eof`. A cursor can be used " +
    "any number of times, by any host, on any connection.",
    "If there is no output after the cursor and the job is running, the call waits up to " +
    "`wait_seconds` (0 to 60) and returns an empty `output` then. A waiting call needs no slot; " +
    "each host can have 32 of them. `rpc.cancel` ends it.",
    "Old output is dropped beyond `jobs.max_output_mb` and `jobs.max_total_output_mb`, and new output " +
    "while the disk is full. `lost_bytes` is the size of the gap between the cursor and the first " +
    "byte of `output`; `offset` is the position of that byte in all output of the job.",
    "`encoding` `utf8` replaces bytes that are not UTF-8 by U+FFFD; `base64` is exact, and faster for " +
    "large output. A piece has at most `max_bytes` bytes of output, and fits one message.",
    "With `eof`, `state`, `exit_code`, `signal` and `ended_by` say how the job ended, as in " +
    "`job_status`. The end of the output of a job that is `lost` may be missing, if the disk was " +
    "full or the guest crashed; a cursor beyond what is left returns `eof`.",
  ],
  params: () =>
    z.strictObject({
      job_id: JobId(),
      cursor: z.optional(z.string()),
      wait_seconds: WaitSeconds(),
      max_bytes: z.optional(z.int().check(z.gte(MIN_BYTES))),
      encoding: z._default(z.enum(["utf8", "base64"]), "utf8"),
    }),
  result: () =>
    z.strictObject({
      output: z.array(
        z.strictObject({ stream: z.enum(["stdout", "stderr", "tty"]), data: z.string() }),
      ),
      cursor: z.string(),
      offset: z.int(),
      lost_bytes: z.int(),
      eof: z.boolean(),
      ...EndMembers(),
    }),
  errors: [
    NO_SUCH_JOB,
    {
      code: ERRORS.tooManyRequests.code,
      when: "32 calls of this host are waiting already",
    },
  ],
  access: "exec",
  audited: true,
  example: {
    params: { job_id: "backup-1", wait_seconds: 30 },
    result: {
      output: [{ stream: "stdout", data: "/srv/www/\n" }, { stream: "stderr", data: "tar: x\n" }],
      cursor: "0f1e2d3c4b5a6978.17",
      offset: 0,
      lost_bytes: 0,
      eof: false,
      state: "running",
    },
  },
  target: ({ job_id }) => ({ job_id }),
  wait: async ({ job_id, cursor, wait_seconds }, { jobs, config }) => {
    await jobs.restore(config.jobs);
    const job = jobs.get(job_id);
    const position = startOf(job, cursor);
    const isReady = () => job.output.end > position || !job.isRunning;
    if (wait_seconds === 0 || isReady()) return undefined;
    return { seconds: wait_seconds, event: (signal) => job.until(isReady, signal) };
  },
  known: ({ job_id, cursor, encoding, max_bytes }, { jobs, resultLimitBytes }) => {
    const ahead = outputAheadOf(jobs);
    if (!ahead.isReady || encoding !== "base64") return undefined;
    const job = jobs.get(job_id);
    const options = readOptions(encoding, roomIn(resultLimitBytes), max_bytes);
    const position = startOf(job, cursor);
    const piece = ahead.take({ job, position, requested: max_bytes, options });
    return piece && resultOf(job, piece, job.isRunning);
  },
  run: async ({ job_id, cursor, encoding, max_bytes }, { jobs, resultLimitBytes }) => {
    const job = jobs.get(job_id);
    const { output } = job;
    const position = startOf(job, cursor);
    // Asked before reading: what a running job prints meanwhile is for the next call.
    const { isRunning } = job;
    const room = roomIn(resultLimitBytes);
    const options = readOptions(encoding, room, max_bytes);
    if (encoding === "base64") {
      const later = readOptions(encoding, room - LONGER_ID_BYTES, max_bytes);
      const request = { job, position, requested: max_bytes, options };
      const piece = await outputAheadOf(jobs).read(request, later);
      return resultOf(job, piece, isRunning);
    }
    const piece = await output.read(position, options);
    const mayGrow = isRunning || piece.next < output.end;
    const { lost, begin } = piece;
    const { output: runs, next } = encodeTextOutput(piece, mayGrow);
    return resultOf(job, { runs, begin, next, lost }, isRunning);
  },
});

const roomIn = (resultLimitBytes: number) => resultLimitBytes - OTHER_MEMBERS_BYTES;

type Output = Pick<OutputPiece, "runs" | "begin" | "next" | "lost">;

function resultOf(job: Job, { runs, begin, next, lost }: Output, isRunning: boolean) {
  return {
    output: runs,
    cursor: cursorOf(job.record.instance, next),
    offset: begin,
    lost_bytes: lost,
    eof: !isRunning && next >= job.output.end,
    ...endOf(job),
  };
}

/** @throws {RpcError} -32602 for a cursor beyond the output. */
function startOf({ record, output }: Job, cursor: string | undefined): number {
  const { instance, state } = record;
  const position = cursor === undefined ? 0 : positionOf(cursor, instance);
  if (position > output.end) {
    // A host has seen output, or was told of its loss, that never reached the disk.
    if (state === "lost") return output.end;
    throw invalidParams(
      `cursor is beyond the output of the job, which has ${output.end} bytes so far`,
      { params: ["cursor"], end_cursor: cursorOf(instance, output.end) },
    );
  }
  return position;
}
