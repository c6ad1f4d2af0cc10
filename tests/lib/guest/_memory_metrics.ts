/**
 * A guest that has done nothing yet.
 *
 * @module
 */

import type { Metrics } from "../../../lib/guest/metrics.ts";

/** Always the same sample: every counter is 0. */
export const MEMORY_METRICS: Metrics = {
  sample: () =>
    Promise.resolve({
      timestampMs: 1_700_000_000_000,
      uptimeSeconds: 1,
      bootTime: 1_699_999_999,
      loadAverage: [0, 0, 0],
      processors: {
        user: 0,
        nice: 0,
        system: 0,
        idle: 1,
        iowait: 0,
        irq: 0,
        softirq: 0,
        steal: 0,
        guest: 0,
        guestNice: 0,
      },
      cores: [],
      contextSwitches: 0,
      memory: {
        totalBytes: 1024,
        freeBytes: 512,
        availableBytes: 768,
        buffersBytes: 0,
        cachedBytes: 0,
        reclaimableBytes: 0,
        sharedBytes: 0,
        dirtyBytes: 0,
        swapTotalBytes: 0,
        swapFreeBytes: 0,
        pageFaults: 0,
        majorPageFaults: 0,
        swappedInPages: 0,
        swappedOutPages: 0,
      },
      disks: [],
      links: [],
      processes: { count: 1, threads: 1, running: 1, blocked: 0, created: 1 },
      openFiles: { count: 0, limit: 1024 },
    }),
};
