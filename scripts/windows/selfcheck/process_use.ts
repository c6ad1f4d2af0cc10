/**
 * Whether a process runs, and what it uses, as Windows counts it.
 *
 * @module
 */

import { type Handle, isHandle } from "../../../lib/platform/windows/ffi/handle.ts";
import { kernel32 } from "../../../lib/platform/windows/ffi/kernel32.ts";
import { lastError } from "../../../lib/platform/windows/ffi/windows_error.ts";
import { kernel32 as processCalls } from "./calls.ts";

/** PROCESS_MEMORY_COUNTERS on 64-bit Windows: its size, and where the working set is. */
const COUNTERS = { bytes: 72, workingSet: 16 } as const;
/** FILETIME counts 100 ns. */
const FILETIMES_PER_MS = 10_000n;

const SYNCHRONIZE = 0x10_0000;
const WAIT_TIMEOUT = 0x102;

/** Whether a process with this id runs. */
export async function isRunning(pid: number): Promise<boolean> {
  const process = kernel32.OpenProcess(SYNCHRONIZE, 0, pid);
  if (!isHandle(process)) return false;
  const waited = await kernel32.WaitForSingleObject(process, 0);
  kernel32.CloseHandle(process);
  return waited === WAIT_TIMEOUT;
}

/** The resident memory of a process in bytes. */
export function workingSetOf(process: Handle | null): number {
  const counters = new DataView(new ArrayBuffer(COUNTERS.bytes));
  const bytes = new Uint8Array(counters.buffer);
  if (processCalls.K32GetProcessMemoryInfo(process, bytes, bytes.byteLength) === 0) {
    throw lastError("K32GetProcessMemoryInfo");
  }
  return Number(counters.getBigUint64(COUNTERS.workingSet, true));
}

/** The processor time that a process has used, in milliseconds. */
export function processorTimeOf(process: Handle | null): number {
  const [created, ended, system, user] = Array.from({ length: 4 }, () => new BigUint64Array(1));
  if (
    created === undefined || ended === undefined || system === undefined || user === undefined ||
    processCalls.GetProcessTimes(process, created, ended, system, user) === 0
  ) {
    throw lastError("GetProcessTimes");
  }
  return Number(((system[0] ?? 0n) + (user[0] ?? 0n)) / FILETIMES_PER_MS);
}
