/**
 * Limits of job objects.
 *
 * @module
 */

import type { Handle } from "../ffi/handle.ts";
import { kernel32 } from "../ffi/kernel32.ts";
import { lastError } from "../ffi/windows_error.ts";

const JOB_OBJECT_EXTENDED_LIMIT_INFORMATION = 9;
const JOB_OBJECT_CPU_RATE_CONTROL_INFORMATION = 15;
/** Where JOBOBJECT_EXTENDED_LIMIT_INFORMATION has its members on 64-bit Windows, and its size. */
const LIMITS = {
  flags: 16,
  minimumWorkingSet: 24,
  maximumWorkingSet: 32,
  processMemory: 112,
  bytes: 144,
} as const;

/** Values of `LimitFlags` (winnt.h). */
export const LIMIT = {
  WORKINGSET: 0x1,
  PROCESS_MEMORY: 0x100,
  SILENT_BREAKAWAY_OK: 0x1000,
  KILL_ON_JOB_CLOSE: 0x2000,
} as const;

/** JOB_OBJECT_CPU_RATE_CONTROL_ENABLE and _HARD_CAP. */
const HARD_CAP = 0x1 | 0x4;
const RATE_PER_PERCENT = 100;
/** A working set has at least this, if it has a limit. */
const MINIMUM_WORKING_SET = 1024n * 1024n;

/** What the processes of a job may take, each. */
export interface MemoryLimits {
  /** Bytes of resident memory; what is more is paged out. */
  readonly workingSet: number;
  /** Bytes of committed memory; what is more is refused. */
  readonly committed: number;
}

/**
 * Sets the flags of a job, and its limits of memory if the flags say so.
 *
 * @throws {WindowsError}
 */
export function setJobLimits(job: Handle, flags: number, memory?: MemoryLimits): void {
  const limits = new DataView(new ArrayBuffer(LIMITS.bytes));
  limits.setUint32(LIMITS.flags, flags, true);
  if (memory !== undefined) {
    limits.setBigUint64(LIMITS.minimumWorkingSet, MINIMUM_WORKING_SET, true);
    limits.setBigUint64(LIMITS.maximumWorkingSet, BigInt(memory.workingSet), true);
    limits.setBigUint64(LIMITS.processMemory, BigInt(memory.committed), true);
  }
  set(job, JOB_OBJECT_EXTENDED_LIMIT_INFORMATION, new Uint8Array(limits.buffer));
}

/**
 * Limits the processor time of a job, in percent of all processors together.
 *
 * @throws {WindowsError}
 */
export function setCpuRate(job: Handle, percent: number): void {
  const rate = new Uint32Array([HARD_CAP, percent * RATE_PER_PERCENT]);
  set(job, JOB_OBJECT_CPU_RATE_CONTROL_INFORMATION, new Uint8Array(rate.buffer));
}

function set(job: Handle, what: number, value: Uint8Array<ArrayBuffer>): void {
  const isSet = kernel32.SetInformationJobObject(job, what, value, value.byteLength);
  if (isSet === 0) throw lastError("SetInformationJobObject");
}
