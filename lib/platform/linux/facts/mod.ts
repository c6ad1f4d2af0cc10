/**
 * The facts of a Linux guest.
 *
 * @module
 */

import type {
  Facts,
  FilesystemReport,
  NetworkInterface,
  SystemInfo,
} from "../../../guest/facts.ts";
import { Filesystems } from "./filesystems.ts";
import { Network } from "./network.ts";
import { type OsRelease, readOsRelease } from "./os_release.ts";
import { countProcessors, Sysfs } from "./sysfs.ts";

const BYTES_PER_KB = 1024;
/** How long facts that only an administrator changes are kept. */
const SLOW_FACTS_MS = 5000;
/** How long facts that change constantly are kept: the kernel updates its averages every 5 s. */
const VOLATILE_FACTS_MS = 1000;

/** Facts that may change at any time. */
interface VolatileFacts {
  readonly hostname: string;
  readonly uptimeSeconds: number;
  readonly available_memory_kb: number;
  readonly load_average: readonly number[];
  readonly readAt: number;
}

/** Facts that only an administrator changes. */
interface SlowFacts {
  readonly osRelease: OsRelease;
  readonly kernelVersion: string;
  readonly cpuCount: number;
  readonly totalMemoryKb: number;
  readonly readAt: number;
}

/** The facts of the guest that the agent runs in. */
export class LinuxFacts implements Facts, AsyncDisposable {
  readonly #sysfs = new Sysfs();
  readonly #network = new Network(this.#sysfs);
  readonly #filesystems = new Filesystems();
  #slow: SlowFacts | undefined;
  #volatile: VolatileFacts | undefined;

  async info(signal: AbortSignal): Promise<SystemInfo> {
    const now = performance.now();
    if (this.#slow === undefined || now - this.#slow.readAt > SLOW_FACTS_MS) {
      this.#slow = await this.#readSlowFacts(now, signal);
    }
    const slow = this.#slow;
    return {
      os_type: "linux",
      os_name: slow.osRelease.name,
      os_version: slow.osRelease.version,
      kernel_version: slow.kernelVersion,
      // Deno only runs on 64-bit machines and uses the names of uname(2) there.
      architecture: Deno.build.arch,
      cpu_count: slow.cpuCount,
      total_memory_kb: slow.totalMemoryKb,
      ...this.#volatileAt(now),
    };
  }

  #volatileAt(now: number) {
    if (this.#volatile === undefined || now - this.#volatile.readAt > VOLATILE_FACTS_MS) {
      this.#volatile = {
        hostname: Deno.hostname(),
        uptimeSeconds: Deno.osUptime(),
        available_memory_kb: Math.floor(Deno.systemMemoryInfo().available / BYTES_PER_KB),
        load_average: Deno.loadavg().map((load) => Math.round(load * 100) / 100),
        readAt: now,
      };
    }
    const { hostname, uptimeSeconds, available_memory_kb, load_average, readAt } = this.#volatile;
    const uptime_seconds = Math.floor(uptimeSeconds + (now - readAt) / 1000);
    return { hostname, uptime_seconds, available_memory_kb, load_average };
  }

  async networkInterfaces(signal: AbortSignal): Promise<NetworkInterface[]> {
    return await this.#network.interfaces(signal);
  }

  async filesystems(signal: AbortSignal): Promise<FilesystemReport> {
    return await this.#filesystems.report(signal);
  }

  async #readSlowFacts(readAt: number, signal: AbortSignal): Promise<SlowFacts> {
    const online = await this.#sysfs.onlineProcessors(signal);
    return {
      osRelease: readOsRelease(),
      kernelVersion: Deno.osRelease(),
      cpuCount: countProcessors(online),
      totalMemoryKb: Math.floor(Deno.systemMemoryInfo().total / BYTES_PER_KB),
      readAt,
    };
  }

  /** Stops the processes that read facts. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      this.#sysfs[Symbol.asyncDispose](),
      this.#filesystems[Symbol.asyncDispose](),
    ]);
  }
}
