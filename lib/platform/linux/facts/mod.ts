/**
 * The facts of a Linux guest.
 *
 * @module
 */

import type {
  Facts,
  FilesystemReport,
  KnownFacts,
  NetworkInterface,
  SystemInfo,
} from "../../../guest/facts.ts";
import { KeptReport, KeptReports } from "../../../guest/kept_reports.ts";
import { Filesystems } from "./filesystems.ts";
import { readInterfaces } from "./network.ts";
import { readOsRelease } from "./os_release.ts";
import { countProcessors, Sysfs } from "./sysfs.ts";

const BYTES_PER_KB = 1024;
/** How long a report is kept. The kernel updates its averages every 5 s. */
const KEPT_MS = 1000;

/** The facts of the guest that the agent runs in. */
export class LinuxFacts implements Facts, AsyncDisposable {
  readonly #sysfs = new Sysfs();
  readonly #filesystems: Filesystems;
  readonly #interfaces: KeptReport<readonly NetworkInterface[]>;
  readonly #info: KeptReport<SystemInfo>;

  /** @param reports When the facts may be kept. */
  constructor(reports: KeptReports = new KeptReports()) {
    this.#filesystems = new Filesystems(reports);
    this.#interfaces = new KeptReport(reports, KEPT_MS);
    this.#info = new KeptReport(reports, KEPT_MS);
  }

  readonly known: KnownFacts = {
    info: () => this.#info.current,
    networkInterfaces: () => this.#interfaces.current,
    filesystems: () => this.#filesystems.current,
  };

  info(signal: AbortSignal): Promise<SystemInfo> {
    return this.#info.get(() => this.#readInfo(signal));
  }

  async #readInfo(signal: AbortSignal): Promise<SystemInfo> {
    const online = await this.#sysfs.onlineProcessors(signal);
    const osRelease = readOsRelease();
    const { total, available } = Deno.systemMemoryInfo();
    return {
      os_type: "linux",
      os_name: osRelease.name,
      os_version: osRelease.version,
      kernel_version: Deno.osRelease(),
      hostname: Deno.hostname(),
      // Deno only runs on 64-bit machines and uses the names of uname(2) there.
      architecture: Deno.build.arch,
      cpu_count: countProcessors(online),
      total_memory_kb: Math.floor(total / BYTES_PER_KB),
      uptime_seconds: Math.floor(Deno.osUptime()),
      available_memory_kb: Math.floor(available / BYTES_PER_KB),
      load_average: Deno.loadavg().map((load) => Math.round(load * 100) / 100),
    };
  }

  networkInterfaces(signal: AbortSignal): Promise<readonly NetworkInterface[]> {
    return this.#interfaces.get(() => readInterfaces(this.#sysfs, signal));
  }

  async filesystems(signal: AbortSignal): Promise<FilesystemReport> {
    return await this.#filesystems.report(signal);
  }

  /** Stops the processes that read facts. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      this.#sysfs[Symbol.asyncDispose](),
      this.#filesystems[Symbol.asyncDispose](),
    ]);
  }
}
