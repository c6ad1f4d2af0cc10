/**
 * Measurements of the guest: the interface that every platform implements.
 *
 * @module
 */

import type { LinkCounters } from "./inventory.ts";

/** Where a processor has spent its time since the start, in seconds; states as in proc(5). */
export interface ProcessorSeconds {
  readonly user: number;
  readonly nice: number;
  readonly system: number;
  readonly idle: number;
  readonly iowait: number;
  readonly irq: number;
  readonly softirq: number;
  readonly steal: number;
  readonly guest: number;
  readonly guestNice: number;
}

/** Memory in bytes, and counters since the start. */
export interface MemoryMetrics {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly availableBytes: number;
  readonly buffersBytes: number;
  readonly cachedBytes: number;
  readonly reclaimableBytes: number;
  readonly sharedBytes: number;
  readonly dirtyBytes: number;
  readonly swapTotalBytes: number;
  readonly swapFreeBytes: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  readonly swappedInPages: number;
  readonly swappedOutPages: number;
  /** Processes killed for lack of memory; absent on kernels that do not count them. */
  readonly outOfMemoryKills?: number;
}

/** How much of the time work waited for a resource. */
export interface Stall {
  /** Percent of the last 10, 60 and 300 seconds. */
  readonly percent: readonly [number, number, number];
  /** Seconds since the start. */
  readonly seconds: number;
}

/** Pressure stall information of one resource. */
export interface Pressure {
  /** At least one task waited. */
  readonly some?: Stall;
  /** All tasks waited. */
  readonly full?: Stall;
}

/** Counters of a disk since the start. */
export interface DiskMetrics {
  readonly name: string;
  readonly reads: number;
  readonly readBytes: number;
  readonly readSeconds: number;
  readonly writes: number;
  readonly writtenBytes: number;
  readonly writeSeconds: number;
  /** Requests in progress now. */
  readonly inFlight: number;
  /** Seconds in which any request was in progress. */
  readonly busySeconds: number;
}

/** Counters of a network interface since the start. */
export interface LinkMetrics extends LinkCounters {
  readonly name: string;
}

/** Everything, read at one moment. */
export interface MetricsSample {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly timestampMs: number;
  readonly uptimeSeconds: number;
  /** Seconds since 1970-01-01 UTC. */
  readonly bootTime: number;
  /** Over 1, 5 and 15 minutes. */
  readonly loadAverage: readonly [number, number, number];
  readonly processors: ProcessorSeconds;
  readonly cores: readonly (ProcessorSeconds & { readonly index: number })[];
  readonly contextSwitches: number;
  readonly memory: MemoryMetrics;
  /** Absent where the kernel does not measure it. */
  readonly pressure?: {
    readonly cpu: Pressure;
    readonly memory: Pressure;
    readonly io: Pressure;
  };
  readonly disks: readonly DiskMetrics[];
  readonly links: readonly LinkMetrics[];
  readonly processes: {
    readonly count: number;
    readonly threads: number;
    readonly running: number;
    readonly blocked: number;
    /** Processes and threads created since the start. */
    readonly created: number;
  };
  readonly openFiles: { readonly count: number; readonly limit: number };
}

/** Measures the guest. */
export interface Metrics {
  /** @throws The reason of `signal`. */
  sample(signal: AbortSignal): Promise<MetricsSample>;
}
