import { request } from "../agent.ts";
import { type Caller, member, stringIn } from "../caller.ts";
import type { Measure } from "../measure.ts";
import { start } from "../start.ts";
import { parseLine } from "../wire.ts";
import { median, quantile } from "../stats.ts";
import { readOnce } from "./files.ts";
import { timeEach } from "./latency.ts";

const KEYS = { warmUp: 100, measured: 2000 } as const;
const TAIL = 0.99;
/** Of the file and of the output, in turn: one of either may meet a wake-up or a collection. */
const READS = 5;
const BYTES = 10_000_000;
/** How much longer than a file of the same size a job's output may take. */
const MOST_TIMES_FILE = 1.25;

const LABELS = {
  file: "a file of 10 MB, read in pieces beside a job's output",
  output: "a job's output of 10 MB",
  key: "a key to a terminal and its echo, median",
  keyTail: "a key to a terminal and its echo, 99th percentile",
} as const;

/** Reads a job's output until as many bytes have arrived; returns the cursor after them. */
async function read(caller: Caller, job_id: string, bytes: number, cursor?: string) {
  let next = cursor;
  for (let left = bytes; left > 0;) {
    const params = { job_id, cursor: next, encoding: "base64", wait_seconds: 30 };
    const answer = await caller.call(request("job_read", params));
    left -= outputBytes(answer);
    next = stringIn(answer.result, "cursor");
  }
  return next;
}

/** An answer ends with the cursor and a few short members. */
const ENDING_BYTES = 400;
const decoder = new TextDecoder();

/** The lines with a job's output up to its end. They are parsed later, as those of a file are. */
async function readUnparsed(caller: Caller, job_id: string): Promise<readonly Uint8Array[]> {
  const lines: Uint8Array[] = [];
  let cursor: string | undefined;
  for (let isOver = false; !isOver;) {
    const line = await caller.callUnread(
      request("job_read", { job_id, cursor, encoding: "base64" }),
    );
    lines.push(line);
    const ending = decoder.decode(line.subarray(-ENDING_BYTES));
    cursor = /"cursor":"([^"]+)"/.exec(ending)?.[1];
    if (cursor === undefined) throw new Error(`no cursor in ${ending}`);
    isOver = ending.includes('"eof":true');
  }
  return lines;
}

/** How many bytes of output are in an answer. */
function outputBytes(answer: unknown): number {
  const output = member(member(answer, "result"), "output");
  if (!Array.isArray(output)) throw new Error(`no output in ${JSON.stringify(answer)}`);
  let bytes = 0;
  for (const part of output) bytes += Uint8Array.fromBase64(stringIn(part, "data")).byteLength;
  return bytes;
}

/** Milliseconds for the output of a job that has ended. */
async function timeOutput(caller: Caller, job_id: string): Promise<number> {
  const params = { job_id, command: "head", args: ["-c", String(BYTES), "/dev/zero"] };
  await caller.call(request("job_start", params));
  await caller.call(request("job_status", { job_id, wait_seconds: 60 }));
  const start = performance.now();
  const lines = await readUnparsed(caller, job_id);
  const tookMs = performance.now() - start;
  const bytes = lines.reduce((sum, line) => sum + outputBytes(parseLine(line)), 0);
  if (bytes !== BYTES) throw new Error(`${bytes} bytes of output instead of ${BYTES}`);
  return tookMs;
}

/** Microseconds for each of many keys, echoed by a program in a terminal. */
async function timeKeys(caller: Caller): Promise<number[]> {
  const job_id = "keys";
  const code = "stty raw -echo; echo ready; exec cat";
  const tty = { rows: 24, cols: 80 };
  await caller.call(request("job_start", { job_id, command: "sh", args: ["-c", code], tty }));
  let cursor = await read(caller, job_id, "ready\n".length);
  return await timeEach(async () => {
    const writing = await caller.begin(request("job_write", { job_id, data: "x" }));
    cursor = await read(caller, job_id, 1, cursor);
    await caller.end(writing);
  }, KEYS);
}

/** Jobs: how fast output is read beside a file, and how soon a key is echoed. */
export const jobFlow: Measure = {
  name: "jobs",
  rows: [
    { label: LABELS.file, unit: "ms" },
    {
      label: LABELS.output,
      unit: "ms",
      limit: { kind: "times own", factor: MOST_TIMES_FILE, of: LABELS.file },
    },
    { label: LABELS.key, unit: "µs" },
    { label: LABELS.keyTail, unit: "µs" },
  ],
  run: async ({ peer, scratch }) => {
    if (peer.withState === undefined) return {};
    await using started = await start(await peer.withState(scratch.newPath()), scratch);
    const { caller } = started;
    await timeOutput(caller, "warm-up");
    await readOnce(started);
    const file: number[] = [];
    const output: number[] = [];
    for (let read = 0; read < READS; read++) {
      file.push(await readOnce(started));
      output.push(await timeOutput(caller, `output-${read}`));
    }
    const keys = await timeKeys(caller);
    return {
      [LABELS.file]: median(file),
      [LABELS.output]: median(output),
      [LABELS.key]: median(keys),
      [LABELS.keyTail]: quantile(keys, TAIL),
    };
  },
};
