/**
 * Who has connected to the broker's socket.
 *
 * The socket belongs to the agent's user, but so do the commands that the host runs. Only an agent
 * itself may ask: the process that the service manager started as its service's main one. A command
 * cannot become that: it cannot tell the service manager so (`NotifyAccess=main`), and the kernel
 * lets no process of the same user change the agent's memory (its executable is not readable).
 *
 * @module
 */

/** The unit of the agent on its own port. */
export const AGENT_UNIT = "kvmmanager-agent.service";
/** The units whose main processes may ask: the other agent is on the port of qemu-ga. */
const AGENT_UNITS = [AGENT_UNIT, "kvmmanager-agent-qga.service"] as const;

/**
 * The instance name that systemd gives a unit with `Accept=yes` for a unix socket: the number of
 * the connection, the process id of the peer when it connected, from systemd 257 on with the
 * identity of that process, and its user.
 */
const INSTANCE_REGEXP = /^\d+-(\d+)(?:_\d+)?-(\d+)$/;
/** The fields after the command in /proc/PID/stat (proc(5)), of which this is the start time. */
const START_FIELD = 19;

/** What is asked about processes; every text is as the program prints it. */
export interface ProcessTable {
  /** The process ids of the units' main processes; 0 for one that does not run. */
  mainPids(units: readonly string[]): Promise<readonly number[]>;
  /**
   * The lines of /proc/PID/stat and of this process's own, read in this order; `undefined` if there
   * is no such process.
   */
  stats(pid: number): Promise<readonly string[] | undefined>;
}

/**
 * Why the process that has connected must not use the broker, or `undefined`.
 *
 * @param instance The instance name of the broker's unit.
 */
export async function refusePeer(
  instance: string,
  processes: ProcessTable,
): Promise<string | undefined> {
  const pid = Number(INSTANCE_REGEXP.exec(instance)?.[1]);
  if (!(pid > 0)) return `"${instance}" does not name the process that has connected`;
  const mains = await processes.mainPids(AGENT_UNITS);
  if (!mains.includes(pid)) {
    return `process ${pid} is not the main process of ${AGENT_UNITS.join(" or ")}: ${mains.join()}`;
  }
  // Only now: what has this number must have been the main process since it was started.
  const [peer, own] = await processes.stats(pid) ?? [];
  // The process that connected has ended, and the agent was started with its number.
  if (!(startTime(peer) < startTime(own))) {
    return `process ${pid} was started after the connection was made`;
  }
  return undefined;
}

/** When a process was started, in clock ticks since boot; NaN if that is unknown. */
export function startTime(stat: string | undefined): number {
  // The command may contain spaces and parentheses.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
  return Number(fields[START_FIELD] ?? Number.NaN);
}
