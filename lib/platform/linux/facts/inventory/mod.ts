/**
 * The inventory of a Linux guest: fixed scripts read /proc and /sys, which Deno opens only to a
 * process with all permissions.
 *
 * @module
 */

import type {
  BlockDevice,
  BlockMount,
  DiskCounters,
  Inventory,
  LinkCounters,
  OperatingSystem,
  Pluggable,
  ProcessorTimes,
  Route,
  Session,
  TimeZone,
} from "../../../../guest/inventory.ts";
import { KeptReport, KeptReports } from "../../../../guest/kept_reports.ts";
import { runScript } from "../../shell.ts";
import { readOsReleaseFields } from "../os_release.ts";
import { KernelFile } from "../kernel_file.ts";
import { BlockDevices, blockMountsOf } from "./block_devices.ts";
import {
  parseDiskCounters,
  parseLinkCounters,
  parsePluggables,
  parseProcessorTimes,
  parseRoutes4,
  parseRoutes6,
} from "./kernel_tables.ts";
import { readSessions } from "./sessions.ts";

const TIMEOUT_MS = 4000;
/** How long what hosts ask for often is kept. */
const KEPT_MS = 1000;

/** A processor that cannot be switched off has no file `online`. */
const LIST_PROCESSORS = `
cd /sys/devices/system/cpu || exit
for name in cpu[0-9]*; do
  online=1 can=0
  [ ! -e "$name/online" ] || { can=1; read -r online < "$name/online"; }
  echo "\${name#cpu} $online $can"
done
`;

const LIST_MEMORY_BLOCKS = `
cd /sys/devices/system/memory 2>/dev/null || exit
for name in memory[0-9]*; do
  online=0 can=0
  read -r state < "$name/state" || continue
  [ "$state" != online ] || online=1
  [ ! -e "$name/removable" ] || read -r can < "$name/removable"
  echo "\${name#memory} $online $can"
done
`;

const ask = (code: string, signal: AbortSignal) =>
  runScript({ code, timeoutMs: TIMEOUT_MS, signal });

/**
 * The inventory of the guest that the agent runs in. What hosts ask for often is read by scripts
 * that keep running.
 */
export class LinuxInventory implements Inventory, AsyncDisposable {
  readonly #links = new KernelFile("/proc/net/dev");
  readonly #mounts = new KernelFile("/proc/self/mountinfo");
  readonly #devices = new BlockDevices();
  readonly #counters: KeptReport<ReadonlyMap<string, LinkCounters>>;
  readonly #blockDevices: KeptReport<readonly BlockDevice[]>;
  readonly #blockMounts: KeptReport<readonly BlockMount[]>;

  /** @param reports When that may be kept. */
  constructor(reports: KeptReports = new KeptReports()) {
    this.#counters = new KeptReport(reports, KEPT_MS);
    this.#blockDevices = new KeptReport(reports, KEPT_MS);
    this.#blockMounts = new KeptReport(reports, KEPT_MS);
  }

  async operatingSystem(signal: AbortSignal): Promise<OperatingSystem> {
    const text = await ask("uname -r; uname -v; uname -m", signal);
    const [kernelRelease = "", kernelVersion = "", machine = ""] = text.split("\n");
    return { kernelRelease, kernelVersion, machine, osRelease: readOsReleaseFields() };
  }

  async timeZone(signal: AbortSignal): Promise<TimeZone> {
    const text = await ask("date '+%z %Z'", signal);
    const [, sign, hours = "", minutes = "", name = ""] = /^([+-])(\d\d)(\d\d) (.*)$/m.exec(text) ??
      [];
    const seconds = Number(hours) * 3600 + Number(minutes) * 60;
    return { offsetSeconds: sign === "-" && seconds > 0 ? -seconds : seconds, name };
  }

  async sessions(signal: AbortSignal): Promise<Session[]> {
    return await readSessions(signal);
  }

  async processors(signal: AbortSignal): Promise<Pluggable[]> {
    return parsePluggables(await ask(LIST_PROCESSORS, signal));
  }

  async memoryBlocks(signal: AbortSignal): Promise<Pluggable[]> {
    return parsePluggables(await ask(LIST_MEMORY_BLOCKS, signal));
  }

  async memoryBlockSize(signal: AbortSignal): Promise<number | undefined> {
    const text = await ask("cat /sys/devices/system/memory/block_size_bytes 2>/dev/null", signal);
    return text === "" ? undefined : Number.parseInt(text, 16);
  }

  async processorTimes(signal: AbortSignal): Promise<ProcessorTimes[]> {
    return parseProcessorTimes(await ask("cat /proc/stat", signal));
  }

  async diskCounters(signal: AbortSignal): Promise<DiskCounters[]> {
    return parseDiskCounters(await ask("cat /proc/diskstats", signal));
  }

  linkCounters(signal: AbortSignal): Promise<ReadonlyMap<string, LinkCounters>> {
    return this.#counters.get(async () => parseLinkCounters(await this.#links.read(signal)));
  }

  blockDevices(signal: AbortSignal): Promise<readonly BlockDevice[]> {
    return this.#blockDevices.get(() => this.#devices.list(signal));
  }

  blockMounts(signal: AbortSignal): Promise<readonly BlockMount[]> {
    return this.#blockMounts.get(() => this.#readBlockMounts(signal));
  }

  async #readBlockMounts(signal: AbortSignal): Promise<BlockMount[]> {
    const [devices, mountInfo] = await Promise.all([
      // Not those that are kept: both together would be kept for twice as long.
      this.#devices.list(signal),
      this.#mounts.read(signal),
    ]);
    return blockMountsOf(mountInfo, devices);
  }

  async routes(signal: AbortSignal): Promise<Route[]> {
    const [routes4, routes6] = await Promise.all([
      ask("cat /proc/net/route", signal),
      // Absent without IPv6.
      ask("cat /proc/net/ipv6_route 2>/dev/null", signal),
    ]);
    return [...parseRoutes4(routes4), ...parseRoutes6(routes6)];
  }

  /** Stops the processes that read. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [this.#links, this.#mounts, this.#devices].map((one) => one[Symbol.asyncDispose]()),
    );
  }
}
