/**
 * The facts of a Linux guest.
 *
 * @module
 */

import os from "node:os";
import type { System, SystemInfo } from "../system.ts";
import { Filesystems } from "./filesystems.ts";
import { readNetworkInterfaces } from "./network.ts";
import { type OsRelease, readOsRelease } from "./os_release.ts";

const BYTES_PER_KB = 1024;
/** How long facts that only an administrator changes are taken for unchanged. */
const SLOW_FACTS_MS = 5000;

interface SlowFacts {
  readonly osRelease: OsRelease;
  /** The kernel's count of processors that are on; a CPU quota of the agent's own does not count. */
  readonly cpuCount: number;
  readonly readAt: number;
}

/** The facts of the guest that the agent runs in. */
export class LinuxSystem implements System {
  readonly platform = "linux";
  readonly homeDirectory: string = os.homedir() ?? "/";
  readonly #filesystems = new Filesystems();
  #slow: SlowFacts | undefined;

  info(): SystemInfo {
    const { osRelease, cpuCount } = this.#slowFacts();
    return {
      os_type: "linux",
      os_name: osRelease.name,
      os_version: osRelease.version,
      kernel_version: Deno.osRelease(),
      hostname: Deno.hostname(),
      architecture: os.machine(),
      cpu_count: cpuCount,
      total_memory_kb: Math.floor(Deno.systemMemoryInfo().total / BYTES_PER_KB),
      uptime_seconds: Math.floor(Deno.osUptime()),
    };
  }

  networkInterfaces(signal: AbortSignal) {
    return readNetworkInterfaces(signal);
  }

  filesystems(signal: AbortSignal) {
    return this.#filesystems.report(signal);
  }

  #slowFacts(): SlowFacts {
    const now = performance.now();
    if (this.#slow === undefined || now - this.#slow.readAt > SLOW_FACTS_MS) {
      this.#slow = { osRelease: readOsRelease(), cpuCount: os.cpus().length, readAt: now };
    }
    return this.#slow;
  }
}
