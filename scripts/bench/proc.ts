/**
 * What the kernel reports about a process (proc(5)).
 *
 * @module
 */

/** Resident memory of a process, in MiB. */
export interface Memory {
  readonly residentMiB: number;
  /** The maximum since the process started. */
  readonly peakMiB: number;
}

/** CPU time of each thread since it started, in nanoseconds. */
export type CpuTimes = ReadonlyMap<string, number>;

const KIB_PER_MIB = 1024;
const NS_PER_US = 1000;

/** Reads VmRSS and VmHWM. */
export async function readMemory(pid: number): Promise<Memory> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]);
  return { residentMiB: kib("VmRSS") / KIB_PER_MIB, peakMiB: kib("VmHWM") / KIB_PER_MIB };
}

/**
 * Reads the CPU time of all threads from `schedstat`: the 10 ms units of `stat` are as much as an
 * idle process may use in five seconds.
 */
export async function readCpuTimes(pid: number): Promise<CpuTimes> {
  const times = new Map<string, number>();
  for (const thread of await threadsOf(pid)) {
    const text = await readIfAny(`/proc/${pid}/task/${thread}/schedstat`);
    times.set(thread, Number(text.split(" ")[0]));
  }
  return times;
}

/** CPU time between two readings, in microseconds; a thread that ended in between is left out. */
export function cpuMicroseconds(before: CpuTimes, after: CpuTimes): number {
  let total = 0;
  for (const [thread, time] of after) total += time - (before.get(thread) ?? 0);
  return total / NS_PER_US;
}

/** The process ids of a process's children. */
export async function childrenOf(pid: number): Promise<number[]> {
  const lists = await Promise.all(
    (await threadsOf(pid)).map((thread) => readIfAny(`/proc/${pid}/task/${thread}/children`)),
  );
  return lists.flatMap((list) => list.split(" ").filter((child) => child !== "").map(Number));
}

/** How many descriptors a process has open. */
export async function countDescriptors(pid: number): Promise<number> {
  return (await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`))).length;
}

/** How many threads a process has. */
export const countThreads = async (pid: number): Promise<number> => (await threadsOf(pid)).length;

async function threadsOf(pid: number): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(`/proc/${pid}/task`))).map(({ name }) => name);
  } catch {
    // The process has ended.
    return [];
  }
}

async function readIfAny(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    // The thread has ended.
    return "";
  }
}
