/**
 * What the kernel says about processes (proc(5)).
 *
 * @module
 */

const KB_PER_MB = 1024;
/** The kernel takes a moment to end a process after a signal. */
const ENDING_MS = 1000;
/** USER_HZ of Linux on every architecture that Deno runs on. */
const TICKS_PER_SECOND = 100;

async function readIfAny(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return undefined;
  }
}

/** The fields of /proc/PID/stat after the name, beginning with the state. */
async function statOf(pid: number): Promise<string[] | undefined> {
  const text = await readIfAny(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Whether a process exists and is not a zombie. */
export async function isAlive(pid: number): Promise<boolean> {
  const state = (await statOf(pid))?.[0];
  return state !== undefined && state !== "Z" && state !== "X";
}

/** The processes that still run after the kernel has had time to end them. */
export async function survivors(pids: readonly number[]): Promise<number[]> {
  const deadline = performance.now() + ENDING_MS;
  for (;;) {
    const alive: number[] = [];
    for (const pid of pids) if (await isAlive(pid)) alive.push(pid);
    if (alive.length === 0 || performance.now() > deadline) return alive;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Milliseconds of CPU time that a process has used, in user mode and in the kernel. */
export async function cpuMs(pid: number): Promise<number> {
  const fields = await statOf(pid) ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 1000 / TICKS_PER_SECOND;
}

/** Bytes that a process has read so far, from everything. */
export async function bytesRead(pid: number): Promise<number> {
  const text = await readIfAny(`/proc/${pid}/io`) ?? "";
  return Number(/^rchar: (\d+)$/m.exec(text)?.[1]);
}

/** Resident memory of a process in MiB: now, and at its peak. */
export async function residentMb(pid: number): Promise<{ now: number; peak: number }> {
  const text = await readIfAny(`/proc/${pid}/status`) ?? "";
  const kb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]);
  return { now: kb("VmRSS") / KB_PER_MB, peak: kb("VmHWM") / KB_PER_MB };
}

/**
 * Kills a process that a test has left behind, if it still exists. Only a shell script or a sleep:
 * the id may belong to another process by now.
 */
export async function endLeftOver(pid: number): Promise<void> {
  const command = await readIfAny(`/proc/${pid}/cmdline`) ?? "";
  if (!/^(sh\0-c|sleep\0)/.test(command)) return;
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // Already gone.
  }
}

/** Kills a process, if it still exists. */
export function endProcess(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // Already gone.
  }
}
