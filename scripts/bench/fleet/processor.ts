/**
 * Processor time of several processes.
 *
 * @module
 */

import { cpuMicroseconds, readCpuTimes } from "../proc.ts";

/** Processor time that each of these processes takes during some work, in microseconds. */
export async function processorTimes(
  pids: readonly number[],
  work: () => Promise<unknown>,
): Promise<number[]> {
  const before = await Promise.all(pids.map(readCpuTimes));
  await work();
  const after = await Promise.all(pids.map(readCpuTimes));
  return before.map((times, index) => cpuMicroseconds(times, after[index] ?? times));
}

/** The sum of some values. */
export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
