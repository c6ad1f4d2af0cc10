/**
 * Usage of the guest's file systems: stat(1) on those that the mount table lists.
 *
 * @module
 */

import { withTimer } from "../../../base/waiting.ts";
import { KeptReport, type KeptReports } from "../../../guest/kept_reports.ts";
import type { Filesystem, FilesystemReport } from "../../../guest/facts.ts";
import { runScript } from "../shell.ts";
import { KernelFile } from "./kernel_file.ts";
import { mayHang, type Mount, parseMountInfo, selectFilesystems } from "./mounts.ts";
import { ResidentScript } from "./resident_script.ts";

/** How long a report is kept: asking the kernel takes a child process, about a millisecond. */
const KEPT_MS = 1000;
const LOCAL_TIMEOUT_MS = 5000;
/** How long a report waits for a file system that may hang … */
const REMOTE_WAIT_MS = 500;
/** … and how long the query itself stays open, so that it is not sent twice meanwhile. */
const REMOTE_TIMEOUT_MS = 3_600_000;

// %S is the unit of the other three numbers (statfs(2)).
const STAT = "stat -f -c '%S %b %f %a %n' --";

/** A query is the number of mount points, then one mount point per line. */
const STAT_LOCAL = `
while read -r count; do
  set --
  while [ $# -lt "$count" ] && IFS= read -r mount_point; do set -- "$@" "$mount_point"; done
  ${STAT} "$@" </dev/null
  echo end
done
`;

const STAT_ONE = `exec ${STAT} "$1"`;

/** The usage of a file system from `unit, blocks, free, available`. */
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

/** What stat(1) printed about some mounts; those it could not query are left out. */
export function parseUsages(mounts: readonly Mount[], text: string): Filesystem[] {
  const numbers = new Map<string, string>();
  for (const [, usage = "", mountPoint = ""] of text.matchAll(/^((?:\d+ ){3}\d+) (\/.*)$/gm)) {
    numbers.set(mountPoint, usage);
  }
  return mounts.map((mount) => parseUsage(mount, numbers.get(mount.mountPoint) ?? ""))
    .filter((usage) => usage !== undefined);
}

const hasNewline = ({ mountPoint }: Mount) => mountPoint.includes("\n");

/** Queries one file system in a separate process, which blocks no other query. */
async function statAlone(
  mount: Mount,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Filesystem | undefined> {
  const text = await runScript({ code: STAT_ONE, args: [mount.mountPoint], timeoutMs, signal });
  return parseUsage(mount, /^(?:\d+ ){3}\d+/.exec(text)?.[0] ?? "");
}

/** The source of the mount table's text. */
type Table = Pick<KernelFile, "read" | typeof Symbol.asyncDispose>;

/**
 * Queries all file systems. Those that may hang are queried separately and get half a second; one
 * that has not answered is not queried again until it has.
 */
export class Filesystems implements AsyncDisposable {
  readonly #table: Table;
  readonly #local = new ResidentScript(STAT_LOCAL);
  readonly #asking = new Map<string, Promise<unknown>>();
  readonly #report: KeptReport<FilesystemReport>;

  /**
   * @param reports When a report may be kept.
   * @param table The mount table; tests pass one with other mounts.
   */
  constructor(reports: KeptReports, table: Table = new KernelFile("/proc/self/mountinfo")) {
    this.#report = new KeptReport(reports, KEPT_MS);
    this.#table = table;
  }

  /** The report that is kept; `undefined` if there is none. */
  get current(): FilesystemReport | undefined {
    return this.#report.current;
  }

  /** The report of `get_disk_usage`, at most a second old. */
  async report(signal: AbortSignal): Promise<FilesystemReport> {
    const { current } = this.#report;
    if (current !== undefined) return current;
    signal.throwIfAborted();
    const keep = this.#report.reading();
    const report = await this.#ask(signal);
    // An incomplete report must not answer the next request.
    return report.unresponsive.length > 0 ? report : keep(report);
  }

  async #ask(signal: AbortSignal): Promise<FilesystemReport> {
    const mounts = selectFilesystems(parseMountInfo(await this.#table.read(signal)));
    const remote = mounts.filter(mayHang);
    const unresponsive: string[] = [];
    const answers = await Promise.all([
      this.#askLocal(mounts.filter((mount) => !mayHang(mount)), signal),
      ...remote.map(async (mount) => {
        const answer = await this.#askRemote(mount);
        if (answer === undefined) unresponsive.push(mount.mountPoint);
        return answer ?? [];
      }),
    ]);
    const filesystems = answers.flat().sort((a, b) => a.mount_point < b.mount_point ? -1 : 1);
    return { filesystems, unresponsive: unresponsive.sort() };
  }

  async #askLocal(mounts: readonly Mount[], signal: AbortSignal): Promise<Filesystem[]> {
    // A query has one mount point per line, so mount points with newlines are queried one by one.
    const odd = mounts.filter(hasNewline);
    const rest = mounts.filter((mount) => !hasNewline(mount));
    const oddUsages = odd.map((mount) => statAlone(mount, LOCAL_TIMEOUT_MS, signal));
    const question = [rest.length, ...rest.map(({ mountPoint }) => mountPoint), ""].join("\n");
    const answer = rest.length === 0
      ? ""
      : this.#local.ask(question, { timeoutMs: LOCAL_TIMEOUT_MS, signal });
    const [text, ...usages] = await Promise.all([answer, ...oddUsages]);
    return [...parseUsages(rest, text), ...usages.filter((usage) => usage !== undefined)];
  }

  async #askRemote(mount: Mount): Promise<Filesystem[] | undefined> {
    if (this.#asking.has(mount.mountPoint)) return undefined;
    let answer: Filesystem[] | undefined;
    const asking = statAlone(mount, REMOTE_TIMEOUT_MS, new AbortController().signal)
      .then((usage) => answer = usage === undefined ? [] : [usage], () => {})
      .finally(() => this.#asking.delete(mount.mountPoint));
    this.#asking.set(mount.mountPoint, asking);
    await withTimer(REMOTE_WAIT_MS, asking);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#table[Symbol.asyncDispose](), this.#local[Symbol.asyncDispose]()]);
  }
}
