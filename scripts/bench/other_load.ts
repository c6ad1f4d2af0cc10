/**
 * How much CPU time other work took while something was measured.
 *
 * @module
 */

/** CPU time so far, in clock ticks. */
interface Snapshot {
  readonly takenAt: number;
  /** Time in which the hypervisor ran something else. */
  readonly stolen: number;
  /** Time of all other processes and of their children that have ended. */
  readonly usedByOthers: number;
}

/** Linux reports CPU time to programs in this unit on every architecture (USER_HZ). */
const TICKS_PER_SECOND = 100;
const MS_PER_SECOND = 1000;

/** Fields of /proc/PID/stat after the name, by their number in proc(5). */
const FIELD = { ppid: 4, utime: 14, stime: 15, cutime: 16, cstime: 17 } as const;
const FIRST_FIELD_AFTER_NAME = 3;

/** Watches the processes of this machine that the bench did not start. */
export class OtherLoad {
  private constructor(private readonly before: Snapshot) {}

  /** Starts to watch. */
  static async watch(): Promise<OtherLoad> {
    return new OtherLoad(await takeSnapshot());
  }

  /** CPU time of others since then, as a share of one processor: 0.5 is half of one. */
  async share(): Promise<number> {
    const after = await takeSnapshot();
    const seconds = (after.takenAt - this.before.takenAt) / MS_PER_SECOND;
    // The time of a process that has ended is part of its parent's.
    const used = Math.max(0, after.usedByOthers - this.before.usedByOthers);
    return (used + after.stolen - this.before.stolen) / TICKS_PER_SECOND / seconds;
  }
}

async function takeSnapshot(): Promise<Snapshot> {
  const parents = new Map<number, number>();
  const times = new Map<number, number>();
  for await (const { name } of Deno.readDir("/proc")) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? await readIfAny(`/proc/${pid}/stat`) : "";
    if (stat === "") continue;
    // The name is in brackets and may contain anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const field = (number: number) => Number(fields[number - FIRST_FIELD_AFTER_NAME]);
    parents.set(pid, field(FIELD.ppid));
    const own = field(FIELD.utime) + field(FIELD.stime);
    times.set(pid, own + field(FIELD.cutime) + field(FIELD.cstime));
  }
  let usedByOthers = 0;
  for (const [pid, ticks] of times) if (!isOurs(pid, parents)) usedByOthers += ticks;
  const [, , , , , , , , stolen] = (await Deno.readTextFile("/proc/stat")).split(/\s+/, 9);
  return { takenAt: performance.now(), stolen: Number(stolen), usedByOthers };
}

/** Whether a process is the bench, one of its ancestors or one of its descendants. */
function isOurs(pid: number, parents: ReadonlyMap<number, number>): boolean {
  const isAncestor = (ancestor: number, of: number) => {
    for (let at: number | undefined = of; at !== undefined; at = parents.get(at)) {
      if (at === ancestor) return true;
    }
    return false;
  };
  // An ancestor's time includes that of our children once they have ended.
  return isAncestor(Deno.pid, pid) || isAncestor(pid, Deno.pid);
}

async function readIfAny(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    // The process has ended.
    return "";
  }
}
