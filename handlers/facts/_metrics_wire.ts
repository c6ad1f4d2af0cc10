/**
 * The metrics on the wire: counters end with `_total`, and every name tells its unit.
 *
 * @module
 */

import * as z from "zod";
import type {
  DiskMetrics,
  LinkMetrics,
  MemoryMetrics,
  MetricsSample,
  Pressure,
  ProcessorSeconds,
} from "../../lib/guest/metrics.ts";

const processor = () => ({
  user_seconds_total: z.number(),
  nice_seconds_total: z.number(),
  system_seconds_total: z.number(),
  idle_seconds_total: z.number(),
  iowait_seconds_total: z.number(),
  irq_seconds_total: z.number(),
  softirq_seconds_total: z.number(),
  steal_seconds_total: z.number(),
  guest_seconds_total: z.number(),
  guest_nice_seconds_total: z.number(),
});

const Memory = () =>
  z.strictObject({
    total_bytes: z.int(),
    free_bytes: z.int(),
    available_bytes: z.int(),
    buffers_bytes: z.int(),
    cached_bytes: z.int(),
    reclaimable_bytes: z.int(),
    shared_bytes: z.int(),
    dirty_bytes: z.int(),
    swap_total_bytes: z.int(),
    swap_free_bytes: z.int(),
    page_faults_total: z.int(),
    major_page_faults_total: z.int(),
    swapped_in_pages_total: z.int(),
    swapped_out_pages_total: z.int(),
    out_of_memory_kills_total: z.optional(z.int()),
  });

const Stall = () =>
  z.strictObject({
    avg10_percent: z.number(),
    avg60_percent: z.number(),
    avg300_percent: z.number(),
    waiting_seconds_total: z.number(),
  });

const PressureResult = () =>
  z.strictObject({ some: z.optional(Stall()), full: z.optional(Stall()) });

const Disk = () =>
  z.strictObject({
    name: z.string(),
    reads_total: z.int(),
    read_bytes_total: z.int(),
    read_seconds_total: z.number(),
    writes_total: z.int(),
    written_bytes_total: z.int(),
    write_seconds_total: z.number(),
    requests_in_flight: z.int(),
    busy_seconds_total: z.number(),
  });

const Link = () =>
  z.strictObject({
    name: z.string(),
    received_bytes_total: z.int(),
    received_packets_total: z.int(),
    receive_errors_total: z.int(),
    receive_drops_total: z.int(),
    sent_bytes_total: z.int(),
    sent_packets_total: z.int(),
    send_errors_total: z.int(),
    send_drops_total: z.int(),
  });

/** The result of `get_metrics`. */
export const MetricsResult = () =>
  z.strictObject({
    timestamp_ms: z.int(),
    uptime_seconds: z.number(),
    boot_time: z.int(),
    load_average: z.array(z.number()),
    cpu: z.strictObject({ ...processor(), context_switches_total: z.int() }),
    memory: Memory(),
    pressure: z.optional(z.strictObject({
      cpu: PressureResult(),
      memory: PressureResult(),
      io: PressureResult(),
    })),
    processes: z.strictObject({
      process_count: z.int(),
      thread_count: z.int(),
      running_count: z.int(),
      blocked_count: z.int(),
      created_total: z.int(),
    }),
    files: z.strictObject({ open_count: z.int(), open_limit: z.number() }),
    network: z.array(Link()),
    disks: z.array(Disk()),
    cores: z.array(z.strictObject({ index: z.int(), ...processor() })),
    network_omitted: z.optional(z.int()),
    disks_omitted: z.optional(z.int()),
    cores_omitted: z.optional(z.int()),
  });

/** Everything but the lists of network links, disks and processors. */
export const sampleToWire = (sample: MetricsSample) => ({
  timestamp_ms: sample.timestampMs,
  uptime_seconds: sample.uptimeSeconds,
  boot_time: sample.bootTime,
  load_average: [...sample.loadAverage],
  cpu: {
    ...processorToWire(sample.processors),
    context_switches_total: sample.contextSwitches,
  },
  memory: memoryToWire(sample.memory),
  ...(sample.pressure === undefined ? {} : {
    pressure: {
      cpu: pressureToWire(sample.pressure.cpu),
      memory: pressureToWire(sample.pressure.memory),
      io: pressureToWire(sample.pressure.io),
    },
  }),
  processes: {
    process_count: sample.processes.count,
    thread_count: sample.processes.threads,
    running_count: sample.processes.running,
    blocked_count: sample.processes.blocked,
    created_total: sample.processes.created,
  },
  files: { open_count: sample.openFiles.count, open_limit: sample.openFiles.limit },
});

/** The times of a processor, or of all. */
export const processorToWire = (times: ProcessorSeconds) => ({
  user_seconds_total: times.user,
  nice_seconds_total: times.nice,
  system_seconds_total: times.system,
  idle_seconds_total: times.idle,
  iowait_seconds_total: times.iowait,
  irq_seconds_total: times.irq,
  softirq_seconds_total: times.softirq,
  steal_seconds_total: times.steal,
  guest_seconds_total: times.guest,
  guest_nice_seconds_total: times.guestNice,
});

const memoryToWire = (memory: MemoryMetrics) => ({
  total_bytes: memory.totalBytes,
  free_bytes: memory.freeBytes,
  available_bytes: memory.availableBytes,
  buffers_bytes: memory.buffersBytes,
  cached_bytes: memory.cachedBytes,
  reclaimable_bytes: memory.reclaimableBytes,
  shared_bytes: memory.sharedBytes,
  dirty_bytes: memory.dirtyBytes,
  swap_total_bytes: memory.swapTotalBytes,
  swap_free_bytes: memory.swapFreeBytes,
  page_faults_total: memory.pageFaults,
  major_page_faults_total: memory.majorPageFaults,
  swapped_in_pages_total: memory.swappedInPages,
  swapped_out_pages_total: memory.swappedOutPages,
  ...(memory.outOfMemoryKills === undefined
    ? {}
    : { out_of_memory_kills_total: memory.outOfMemoryKills }),
});

function pressureToWire({ some, full }: Pressure) {
  const toWire = ({ percent: [avg10, avg60, avg300], seconds }: NonNullable<typeof some>) => ({
    avg10_percent: avg10,
    avg60_percent: avg60,
    avg300_percent: avg300,
    waiting_seconds_total: seconds,
  });
  return { ...(some && { some: toWire(some) }), ...(full && { full: toWire(full) }) };
}

/** A disk. */
export const diskToWire = (disk: DiskMetrics) => ({
  name: disk.name,
  reads_total: disk.reads,
  read_bytes_total: disk.readBytes,
  read_seconds_total: disk.readSeconds,
  writes_total: disk.writes,
  written_bytes_total: disk.writtenBytes,
  write_seconds_total: disk.writeSeconds,
  requests_in_flight: disk.inFlight,
  busy_seconds_total: disk.busySeconds,
});

/** A network link. */
export const linkToWire = (link: LinkMetrics) => ({
  name: link.name,
  received_bytes_total: link.receivedBytes,
  received_packets_total: link.receivedPackets,
  receive_errors_total: link.receiveErrors,
  receive_drops_total: link.receiveDrops,
  sent_bytes_total: link.sentBytes,
  sent_packets_total: link.sentPackets,
  send_errors_total: link.sendErrors,
  send_drops_total: link.sendDrops,
});
