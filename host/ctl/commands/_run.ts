/**
 * Runs a program in the guest as a job, as if it were local.
 *
 * @module
 */

import { ERRORS } from "../../../lib/base/errors.ts";
import { printError } from "../../../lib/base/terminal.ts";
import type { AgentClient } from "../../client.ts";
import { AnswerError, CallError } from "../../errors.ts";
import { RemoteJob } from "../../jobs/job.ts";
import type { ParamsOf } from "../../protocol.ts";
import type { Invocation } from "../command.ts";
import { EXEC_EXIT } from "../exit.ts";
import { answerText, explain } from "../explain.ts";
import { printable } from "../printable.ts";
import { exitStatusOf, linkOf, newJobId } from "./_job.ts";
import { cleanUp, passInput, SignalsToJob, type Streamed, writeOutput } from "./_stream.ts";
import { attachTerminal, terminalSize } from "./_terminal.ts";

/** How long the agent may take to start a program. */
const START_MS = 40_000;
/** How long a program that was interrupted before it had started may take to end. */
const INTERRUPTED_MS = 1000;
/** How long an ended program's output is kept if this program is killed meanwhile. */
const KEEP_SECONDS = 600;

/** What to run. */
export type Program = Pick<
  ParamsOf<"job_start">,
  "command" | "args" | "working_directory" | "env" | "timeout_seconds"
>;

/** How to run it. */
export interface StreamOptions {
  /** Whether this program's standard input is passed on. */
  readonly hasInput: boolean;
  /** How long the agent may take to start it. */
  readonly startMs?: number;
}

/**
 * Runs a program with this program's standard streams and signals.
 *
 * @returns The exit status.
 * @throws {AnswerError} if it cannot be started.
 */
export async function runStreaming(
  client: AgentClient,
  program: Program,
  { hasInput, startMs = START_MS }: StreamOptions,
  invocation: Invocation,
): Promise<number> {
  const job = await start(client, { ...program, keep_input_open: hasInput }, startMs, invocation);
  const signals = new SignalsToJob(job);
  using _signals = signals;
  let streamed: Streamed | undefined;
  try {
    if (hasInput) void passInput(job);
    streamed = await writeOutput(job, { signal: signals.signal });
  } finally {
    await cleanUp(job, streamed !== undefined);
  }
  return statusOf(streamed, program);
}

/**
 * Runs a program in a terminal that is connected with this program's.
 *
 * @returns The exit status.
 * @throws {AnswerError} if it cannot be started.
 */
export async function runInTerminal(
  client: AgentClient,
  program: Program,
  invocation: Invocation,
): Promise<number> {
  const params = { ...program, tty: terminalSize() };
  const job = await start(client, params, START_MS, invocation);
  let streamed: Streamed | undefined;
  try {
    streamed = await attachTerminal(job);
  } finally {
    await cleanUp(job, streamed !== undefined);
  }
  return statusOf(streamed, program);
}

async function start(
  client: AgentClient,
  params: Omit<ParamsOf<"job_start">, "job_id">,
  timeoutMs: number,
  invocation: Invocation,
): Promise<RemoteJob> {
  const { signal } = invocation;
  const job_id = newJobId();
  const tell = (text: string) =>
    printError(
      params.tty === undefined ? `kvmmanager-ctl: ${text}` : `\r\nkvmmanager-ctl: ${text}\r`,
    );
  const job = new RemoteJob(linkOf(client, invocation, tell), job_id);
  try {
    await client.call("job_start", { keep_seconds: KEEP_SECONDS, ...params, job_id }, {
      signal,
      timeoutMs,
    });
  } catch (error) {
    // It may have started all the same.
    if (signal.aborted) await cleanUp(job, false, INTERRUPTED_MS);
    throw error;
  }
  return job;
}

function statusOf(streamed: Streamed | undefined, { command, timeout_seconds }: Program): number {
  if (streamed === undefined) return EXEC_EXIT.failed;
  const status = exitStatusOf(streamed.end, command, timeout_seconds);
  return streamed.hasGap ? EXEC_EXIT.outputCut : status;
}

/**
 * Explains why a program was not run; returns the exit status.
 *
 * @throws The error, if it is not the agent's or the connection's.
 */
export function startFailure(error: unknown): number {
  if (error instanceof AnswerError) {
    printError(`kvmmanager-ctl: ${printable(answerText(error))}`);
    return refusalStatus(error);
  }
  if (error instanceof CallError) {
    explain(error);
    return EXEC_EXIT.failed;
  }
  throw error;
}

/** The exit status for a program that the agent did not run to its end, as a shell has them. */
export function refusalStatus({ code }: AnswerError): number {
  if (code === ERRORS.timeout.code) return EXEC_EXIT.timeout;
  if (code === ERRORS.permissionDenied.code) return EXEC_EXIT.notExecutable;
  return code === ERRORS.notFound.code ? EXEC_EXIT.notFound : EXEC_EXIT.failed;
}
