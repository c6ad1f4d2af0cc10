/**
 * The facts of a Linux guest.
 *
 * @module
 */

import type { Facts, SystemInfo } from "../../../guest/facts.ts";
import { Filesystems } from "./filesystems.ts";
import { readNetworkInterfaces } from "./network.ts";
import { type OsRelease, readOsRelease } from "./os_release.ts";
import { countProcessors, readOnlineProcessors } from "./shell_facts.ts";

const BYTES_PER_KB = 1024;
/** How long facts that only an administrator changes are taken for unchanged. */
const SLOW_FACTS_MS = 5000;

/** How long what changes all the time is good for: the kernel's own averages are 5 s old. */
const VOLATILE_FACTS_MS = 1000;

/** How busy the guest is, and what else may change at any time. */
interface VolatileFacts {
  readonly hostname: string;
  readonly uptimeSeconds: number;
  readonly available_memory_kb: number;
  readonly load_average: readonly number[];
  readonly readAt: number;
}

interface SlowFacts {
  readonly osRelease: OsRelease;
  readonly kernelVersion: string;
  readonly cpuCount: number;
  readonly totalMemoryKb: number;
  readonly readAt: number;
}

/** The facts of the guest that the agent runs in. */
export class LinuxFacts implements Facts {
  readonly #filesystems = new Filesystems();
  #slow: SlowFacts | undefined;
  #volatile: VolatileFacts | undefined;

  async info(signal: AbortSignal): Promise<SystemInfo> {
    const now = performance.now();
    if (this.#slow === undefined || now - this.#slow.readAt > SLOW_FACTS_MS) {
      this.#slow = await readSlowFacts(now, signal);
    }
    const slow = this.#slow;
    return {
      os_type: "linux",
      os_name: slow.osRelease.name,
      os_version: slow.osRelease.version,
      kernel_version: slow.kernelVersion,
      // Deno is built for 64-bit machines alone, where its name is the one of uname(2).
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

  networkInterfaces(signal: AbortSignal) {
    return readNetworkInterfaces(signal);
  }

  filesystems(signal: AbortSignal) {
    return this.#filesystems.report(signal);
  }
}

async function readSlowFacts(readAt: number, signal: AbortSignal): Promise<SlowFacts> {
  const online = await readOnlineProcessors(signal);
  return {
    osRelease: readOsRelease(),
    kernelVersion: Deno.osRelease(),
    cpuCount: countProcessors(online),
    totalMemoryKb: Math.floor(Deno.systemMemoryInfo().total / BYTES_PER_KB),
    readAt,
  };
}
