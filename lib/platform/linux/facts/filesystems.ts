/**
 * Usage of the guest's file systems, by stat(1) on those that the mount table names.
 *
 * @module
 */

import { withTimer } from "../../../base/waiting.ts";
import type { Filesystem, FilesystemReport } from "../../../guest/facts.ts";
import { mayHang, type Mount, parseMountInfo, selectFilesystems } from "./mounts.ts";
import { runScript } from "../shell.ts";

const TIMEOUT_MS = 5000;
/** How long a report waits for a file system that may hang … */
const REMOTE_WAIT_MS = 500;
/** … and how long the question itself stays, so that it is not asked twice meanwhile. */
const REMOTE_TIMEOUT_MS = 3_600_000;

const READ_MOUNTS = "exec cat /proc/self/mountinfo";

// One line each, in the order of the arguments; "-" for one that cannot be asked. %S is the unit
// of the other three (statfs(2)).
const STAT_FILESYSTEMS = `
for mount_point; do
  stat -f -c '%S %b %f %a' -- "$mount_point" 2>/dev/null || echo -
done
`;

/** The usage of a file system out of `fragment size, blocks, free, available`. */
export function parseUsage(mount: Mount, line: string): Filesystem | undefined {
  const match = /^(\d+) (\d+) (\d+) (\d+)$/.exec(line);
  if (match === null) return undefined;
  const [size = 0, blocks = 0, free = 0, available = 0] = match.slice(1).map(Number);
  if (blocks === 0) return undefined;
  const used = blocks - free;
  const usable = used + available;
  return {
    mount_point: mount.mountPoint,
    device: mount.device,
    fs_type: mount.fsType,
    total_bytes: blocks * size,
    used_bytes: used * size,
    available_bytes: available * size,
    used_percent: usable === 0 ? 0 : Math.round(used / usable * 1000) / 10,
  };
}

async function ask(
  mounts: readonly Mount[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Filesystem[]> {
  if (mounts.length === 0) return [];
  const text = await runScript({
    code: STAT_FILESYSTEMS,
    args: mounts.map((mount) => mount.mountPoint),
    timeoutMs,
    signal,
  });
  const lines = text.split("\n");
  return mounts.map((mount, index) => parseUsage(mount, lines[index] ?? ""))
    .filter((usage) => usage !== undefined);
}

/**
 * Asks about all file systems. Those that may hang are asked each by itself and for
 * half a second at most; one that still owes an answer is not asked again until it has given it.
 */
export class Filesystems {
  readonly #asking = new Map<string, Promise<unknown>>();

  /** The report of `get_disk_usage`. */
  async report(signal: AbortSignal): Promise<FilesystemReport> {
    const text = await runScript({ code: READ_MOUNTS, timeoutMs: TIMEOUT_MS, signal });
    const mounts = selectFilesystems(parseMountInfo(text));
    const remote = mounts.filter(mayHang);
    const unresponsive: string[] = [];
    const answers = await Promise.all([
      ask(mounts.filter((mount) => !mayHang(mount)), TIMEOUT_MS, signal),
      ...remote.map(async (mount) => {
        const answer = await this.#askRemote(mount);
        if (answer === undefined) unresponsive.push(mount.mountPoint);
        return answer ?? [];
      }),
    ]);
    const filesystems = answers.flat().sort((a, b) => a.mount_point < b.mount_point ? -1 : 1);
    return { filesystems, unresponsive: unresponsive.sort() };
  }

  async #askRemote(mount: Mount): Promise<Filesystem[] | undefined> {
    if (this.#asking.has(mount.mountPoint)) return undefined;
    let answer: Filesystem[] | undefined;
    const asking = ask([mount], REMOTE_TIMEOUT_MS, new AbortController().signal)
      .then((usages) => answer = usages, () => {})
      .finally(() => this.#asking.delete(mount.mountPoint));
    this.#asking.set(mount.mountPoint, asking);
    await withTimer(REMOTE_WAIT_MS, asking);
    return answer;
  }
}
