/**
 * Single facts that only the shell may read for us, by its own `read`, without another process.
 *
 * @module
 */

import { runScript } from "../shell.ts";

const TIMEOUT_MS = 5000;

/**
 * The kernel's list of processors that are on, as `0-3,5` (sysfs-devices-system-cpu). What the
 * runtime offers counts the agent's own CPU quota and affinity in.
 */
export async function readOnlineProcessors(signal: AbortSignal): Promise<string> {
  const code = "read -r list < /sys/devices/system/cpu/online && echo $list";
  return await runScript({ code, timeoutMs: TIMEOUT_MS, signal });
}

/** How many processors a list as `0-3,5` has; at least one. */
export function countProcessors(list: string): number {
  let count = 0;
  for (const range of list.trim().split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    if (match?.[1] !== undefined) count += Number(match[2] ?? match[1]) - Number(match[1]) + 1;
  }
  return Math.max(1, count);
}

const FIND_HOME = `
while IFS=: read -r name password uid gid comment home shell; do
  [ "$uid" = "$1" ] && printf %s "$home" && exit
done < /etc/passwd
`;

/** The home directory of the agent's user (passwd(5)), `/` where it has none. */
export async function readHomeDirectory(): Promise<string> {
  const uid = Deno.uid();
  const { signal } = new AbortController();
  const home = uid === null
    ? ""
    : await runScript({ code: FIND_HOME, args: [String(uid)], timeoutMs: TIMEOUT_MS, signal });
  return home === "" ? "/" : home;
}
