/**
 * Questions of the tests to the guest's service manager, and changes to the agent's configuration.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { Guest } from "../../scripts/vm/guest.ts";

/** The packaged unit. */
export const SERVICE = "kvmmanager-agent.service";

const TICKS_PER_SECOND = 100;

/** The process id of the agent itself. */
export async function mainPid(guest: Guest): Promise<number> {
  const pid = Number(await guest.root(`systemctl show -P MainPID ${SERVICE}`));
  assert(pid > 0, "the service runs");
  return pid;
}

/** Processor time of the agent's process in seconds (proc(5), /proc/PID/stat). */
export async function cpuSeconds(guest: Guest, pid: number): Promise<number> {
  const stat = await guest.root(`cat /proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Peak resident memory of the agent's process in MiB (proc(5), VmHWM). */
export async function peakMemory(guest: Guest, pid: number): Promise<number> {
  const status = await guest.root(`cat /proc/${pid}/status`);
  const kilobytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
  assert(kilobytes > 0, status);
  return kilobytes / 1024;
}

/** Runs a script as root and returns how many seconds it took by the guest's clock. */
export async function secondsOf(guest: Guest, script: string): Promise<number> {
  const timed = `start=$(date +%s%N); ${script}; echo $(( ($(date +%s%N) - start) / 1000000 ))`;
  const lines = (await guest.root(timed, 120_000)).trimEnd().split("\n");
  return Number(lines.at(-1)) / 1000;
}

/** The agent's log and the service manager's messages since the agent's last start. */
export async function sinceStart(guest: Guest): Promise<string> {
  return await guest.root(
    `journalctl --no-pager -o cat -u ${SERVICE} _SYSTEMD_INVOCATION_ID=$(systemctl show -P InvocationID ${SERVICE})`,
  );
}

/** Changes the packaged configuration and restarts the agent with it. */
export async function configure(
  guest: Guest,
  change: Readonly<Record<string, unknown>>,
): Promise<void> {
  const file = "/etc/kvmmanager-agent/config.json";
  const config = JSON.parse(await guest.root(`cat ${file}`));
  const text = JSON.stringify({ ...config, ...change });
  await guest.root(`cat > ${file} <<'END'\n${text}\nEND\nsystemctl restart ${SERVICE}`);
  await guest.ready();
}
