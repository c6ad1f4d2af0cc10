/**
 * Limits that the service puts on its own process, by a job object.
 *
 * The limit that counts is that of resident memory, which Windows keeps by paging out. Committed
 * memory includes what is never touched, so its limit is only there to stop a leak.
 *
 * @module
 */

import { messageOf } from "../../../base/message_of.ts";
import { isHandle } from "../ffi/handle.ts";
import { kernel32 } from "../ffi/kernel32.ts";
import { lastError } from "../ffi/windows_error.ts";
import { LIMIT, setCpuRate, setJobLimits } from "../processes/job_limits.ts";

const MIB = 2 ** 20;
const MEMORY = { workingSet: 50 * MIB, committed: 256 * MIB } as const;
/** Of all processors together. */
const CPU_PERCENT = 50;
/** What the host's commands take is theirs: they do not belong to the job. */
const COMMITTED = LIMIT.PROCESS_MEMORY | LIMIT.SILENT_BREAKAWAY_OK;

/** Limits this process for the rest of its life; returns what this Windows refuses. */
export function limitOwnProcess(): string[] {
  const job = kernel32.CreateJobObjectW(null, null);
  if (!isHandle(job)) return [lastError("CreateJobObjectW").message];
  const refused: string[] = [];
  const attempt = (what: string, act: () => void) => {
    try {
      act();
    } catch (error) {
      refused.push(`${what}: ${messageOf(error)}`);
    }
  };
  attempt("committed memory", () => setJobLimits(job, COMMITTED, MEMORY));
  attempt("resident memory", () => setJobLimits(job, COMMITTED | LIMIT.WORKINGSET, MEMORY));
  attempt("processor time", () => setCpuRate(job, CPU_PERCENT));
  attempt("the job", () => {
    const own = kernel32.GetCurrentProcess();
    if (own === null || kernel32.AssignProcessToJobObject(job, own) === 0) {
      throw lastError("AssignProcessToJobObject");
    }
  });
  // The handle stays open: with its last handle closed, nothing could look at the job any more.
  return refused;
}
