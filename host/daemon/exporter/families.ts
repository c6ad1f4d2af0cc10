/**
 * The metrics of a guest: names, meaning, and where each comes from.
 *
 * Names follow node_exporter's, so that queries and people's knowledge carry over:
 * `node_filesystem_avail_bytes` is `kvmmanager_guest_filesystem_avail_bytes` here. docs/metrics.md
 * is checked against this list.
 *
 * @module
 */

import type { Family, Labels } from "./exposition.ts";
import { type GuestFacts, KINDS, type Metrics } from "./guest_facts.ts";

/** A sample of a guest without the labels that name the guest. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

/** A metric that a guest has. */
export interface GuestFamily extends Family {
  /** Its samples; none if the guest does not tell. */
  readonly samples: (facts: GuestFacts) => readonly Sample[];
}

type ValueOf = (facts: GuestFacts) => number | undefined;

/** Units are the last words of names (OpenMetrics, "Unit"). */
const unitOf = (name: string): Family["unit"] =>
  name.endsWith("_bytes") ? "bytes" : name.endsWith("_seconds") ? "seconds" : undefined;

const family = (
  type: Family["type"],
  name: string,
  help: string,
  samples: GuestFamily["samples"],
): GuestFamily => ({ name: `kvmmanager_${name}`, type, unit: unitOf(name), help, samples });

const single = (valueOf: ValueOf): GuestFamily["samples"] => (facts) => {
  const value = valueOf(facts);
  return value === undefined ? [] : [{ value }];
};

const gauge = (name: string, help: string, valueOf: ValueOf): GuestFamily =>
  family("gauge", name, help, single(valueOf));

const counter = (name: string, help: string, valueOf: ValueOf): GuestFamily =>
  family("counter", name, help, single(valueOf));

const info = (
  name: string,
  help: string,
  labelsOf: (facts: GuestFacts) => Labels | undefined,
): GuestFamily =>
  family("info", name, help, (facts) => {
    const labels = labelsOf(facts);
    return labels === undefined ? [] : [{ labels, value: 1 }];
  });

/** Metrics of each entry of a list. */
const each =
  <T>(listOf: (facts: GuestFacts) => readonly T[] | undefined, labelsOf: (entry: T) => Labels) =>
  (
    type: "gauge" | "counter",
    name: string,
    help: string,
    valueOf: (entry: T) => number,
  ): GuestFamily =>
    family(
      type,
      name,
      help,
      (facts) =>
        (listOf(facts) ?? []).map((entry) => ({ labels: labelsOf(entry), value: valueOf(entry) })),
    );

const ofFilesystem = each(
  ({ filesystems }) => filesystems,
  ({ device, fs_type, mount_point }) => ({ device, fstype: fs_type, mountpoint: mount_point }),
);
const ofNetwork = each(({ network }) => network, ({ name }) => ({ device: name }));
const ofDisk = each(({ disks }) => disks, ({ name }) => ({ device: name }));

/** The states of proc(5) that do not overlap: `guest` is part of `user`. */
const CPU_MODES = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"] as const;

function cpuSamples({ metrics }: GuestFacts): Sample[] {
  if (metrics === undefined) return [];
  return CPU_MODES.map((mode) => ({
    labels: { mode },
    value: metrics.cpu[`${mode}_seconds_total`],
  }));
}

const MS_PER_SECOND = 1000;
const BYTES_PER_KIB = 1024;

const memory =
  (valueOf: (memory: Metrics["memory"]) => number | undefined): ValueOf => ({ metrics }) =>
    metrics && valueOf(metrics.memory);

type Resource = keyof NonNullable<Metrics["pressure"]>;

const pressure = (resource: Resource, stall: "some" | "full"): ValueOf => ({ metrics }) =>
  metrics?.pressure?.[resource][stall]?.waiting_seconds_total;

/** What every guest has, in the order in which it is told. */
export const GUEST_FAMILIES: readonly GuestFamily[] = [
  info(
    "agent",
    "The agent's version.",
    ({ agent }) => agent && { version: agent.version, protocol_version: agent.protocol_version },
  ),
  info("guest_os", "The guest's operating system.", ({ system }) =>
    system && {
      os_type: system.os_type,
      os_name: system.os_name,
      os_version: system.os_version,
      kernel_version: system.kernel_version,
      architecture: system.architecture,
      hostname: system.hostname,
    }),

  gauge(
    "guest_boot_time_seconds",
    "When the guest booted, in seconds since 1970.",
    ({ metrics }) => metrics?.boot_time,
  ),
  gauge(
    "guest_clock_offset_seconds",
    "How far the guest's clock is ahead of the host's; negative if it is behind.",
    ({ clock }) => clock && clock.offsetMs / MS_PER_SECOND,
  ),
  gauge(
    "guest_clock_uncertainty_seconds",
    "The largest error that the clock's offset can have.",
    ({ clock }) => clock && clock.uncertaintyMs / MS_PER_SECOND,
  ),
  gauge(
    "guest_clock_synchronized",
    "Whether the guest's clock is synchronized; absent if the guest does not know.",
    ({ clock }) => {
      const synchronized = clock?.guest.synchronized;
      return synchronized === undefined ? undefined : Number(synchronized);
    },
  ),

  gauge("guest_load1", "Load average over 1 minute.", ({ metrics }) => metrics?.load_average[0]),
  gauge("guest_load5", "Load average over 5 minutes.", ({ metrics }) => metrics?.load_average[1]),
  gauge("guest_load15", "Load average over 15 minutes.", ({ metrics }) => metrics?.load_average[2]),
  gauge("guest_cpus", "Number of processors that are online.", ({ system }) => system?.cpu_count),
  family(
    "counter",
    "guest_cpu_seconds",
    "Time that all processors together spent in each mode; user and nice include running guests.",
    cpuSamples,
  ),
  counter(
    "guest_context_switches",
    "Context switches.",
    ({ metrics }) => metrics?.cpu.context_switches_total,
  ),

  gauge(
    "guest_memory_total_bytes",
    "Memory that the guest's kernel manages.",
    ({ metrics, system }) =>
      metrics?.memory.total_bytes ?? (system && system.total_memory_kb * BYTES_PER_KIB),
  ),
  gauge(
    "guest_memory_available_bytes",
    "Memory available to programs without swapping.",
    memory((one) => one.available_bytes),
  ),
  gauge("guest_memory_free_bytes", "Memory without any use.", memory((one) => one.free_bytes)),
  gauge(
    "guest_memory_buffers_bytes",
    "Memory for buffers of block devices.",
    memory((one) => one.buffers_bytes),
  ),
  gauge("guest_memory_cached_bytes", "Memory for cached files.", memory((one) => one.cached_bytes)),
  gauge(
    "guest_memory_swap_total_bytes",
    "Size of the swap space.",
    memory((one) => one.swap_total_bytes),
  ),
  gauge("guest_memory_swap_free_bytes", "Unused swap space.", memory((one) => one.swap_free_bytes)),
  counter("guest_vmstat_pgfault", "Page faults.", memory((one) => one.page_faults_total)),
  counter(
    "guest_vmstat_pgmajfault",
    "Page faults that needed a disk.",
    memory((one) => one.major_page_faults_total),
  ),
  counter(
    "guest_vmstat_pswpin",
    "Pages read from the swap space.",
    memory((one) => one.swapped_in_pages_total),
  ),
  counter(
    "guest_vmstat_pswpout",
    "Pages written to the swap space.",
    memory((one) => one.swapped_out_pages_total),
  ),
  counter(
    "guest_vmstat_oom_kill",
    "Processes killed because memory ran out.",
    memory((one) => one.out_of_memory_kills_total),
  ),

  counter(
    "guest_pressure_cpu_waiting_seconds",
    "Time in which some process waited for a processor.",
    pressure("cpu", "some"),
  ),
  counter(
    "guest_pressure_memory_waiting_seconds",
    "Time in which some process waited for memory.",
    pressure("memory", "some"),
  ),
  counter(
    "guest_pressure_memory_stalled_seconds",
    "Time in which every process waited for memory.",
    pressure("memory", "full"),
  ),
  counter(
    "guest_pressure_io_waiting_seconds",
    "Time in which some process waited for a disk.",
    pressure("io", "some"),
  ),
  counter(
    "guest_pressure_io_stalled_seconds",
    "Time in which every process waited for a disk.",
    pressure("io", "full"),
  ),

  gauge(
    "guest_processes",
    "Number of processes.",
    ({ metrics }) => metrics?.processes.process_count,
  ),
  gauge("guest_threads", "Number of threads.", ({ metrics }) => metrics?.processes.thread_count),
  gauge(
    "guest_procs_running",
    "Threads that can run.",
    ({ metrics }) => metrics?.processes.running_count,
  ),
  gauge(
    "guest_procs_blocked",
    "Threads that wait for a disk.",
    ({ metrics }) => metrics?.processes.blocked_count,
  ),
  counter("guest_forks", "Processes created.", ({ metrics }) => metrics?.processes.created_total),
  gauge("guest_filefd_allocated", "Open files.", ({ metrics }) => metrics?.files.open_count),
  gauge("guest_filefd_maximum", "Limit of open files.", ({ metrics }) => metrics?.files.open_limit),

  ofFilesystem(
    "gauge",
    "guest_filesystem_size_bytes",
    "Size of the file system.",
    (one) => one.total_bytes,
  ),
  ofFilesystem(
    "gauge",
    "guest_filesystem_avail_bytes",
    "Space that users other than root can still write.",
    (one) => one.available_bytes,
  ),
  ofFilesystem(
    "gauge",
    "guest_filesystem_free_bytes",
    "Space that root can still write.",
    (one) => one.total_bytes - one.used_bytes,
  ),

  ofNetwork(
    "counter",
    "guest_network_receive_bytes",
    "Bytes received.",
    (one) => one.received_bytes_total,
  ),
  ofNetwork(
    "counter",
    "guest_network_receive_packets",
    "Packets received.",
    (one) => one.received_packets_total,
  ),
  ofNetwork(
    "counter",
    "guest_network_receive_errs",
    "Errors while receiving.",
    (one) => one.receive_errors_total,
  ),
  ofNetwork(
    "counter",
    "guest_network_receive_drop",
    "Received packets that were dropped.",
    (one) => one.receive_drops_total,
  ),
  ofNetwork(
    "counter",
    "guest_network_transmit_bytes",
    "Bytes sent.",
    (one) => one.sent_bytes_total,
  ),
  ofNetwork(
    "counter",
    "guest_network_transmit_packets",
    "Packets sent.",
    (one) => one.sent_packets_total,
  ),
  ofNetwork(
    "counter",
    "guest_network_transmit_errs",
    "Errors while sending.",
    (one) => one.send_errors_total,
  ),
  ofNetwork(
    "counter",
    "guest_network_transmit_drop",
    "Packets dropped instead of sent.",
    (one) => one.send_drops_total,
  ),

  ofDisk("counter", "guest_disk_reads_completed", "Reads completed.", (one) => one.reads_total),
  ofDisk("counter", "guest_disk_read_bytes", "Bytes read.", (one) => one.read_bytes_total),
  ofDisk(
    "counter",
    "guest_disk_read_time_seconds",
    "Time spent on all reads.",
    (one) => one.read_seconds_total,
  ),
  ofDisk("counter", "guest_disk_writes_completed", "Writes completed.", (one) => one.writes_total),
  ofDisk("counter", "guest_disk_written_bytes", "Bytes written.", (one) => one.written_bytes_total),
  ofDisk(
    "counter",
    "guest_disk_write_time_seconds",
    "Time spent on all writes.",
    (one) => one.write_seconds_total,
  ),
  ofDisk(
    "counter",
    "guest_disk_io_time_seconds",
    "Time in which the disk was busy.",
    (one) => one.busy_seconds_total,
  ),
  ofDisk(
    "gauge",
    "guest_disk_io_now",
    "Reads and writes in progress.",
    (one) => one.requests_in_flight,
  ),

  gauge(
    "guest_failed_units",
    "Number of failed services and other units.",
    ({ failedUnitCount }) => failedUnitCount,
  ),
  family(
    "gauge",
    "guest_unit_failed",
    "1 for each failed unit, at most 20 of them.",
    ({ failedUnits }) => (failedUnits ?? []).map((name) => ({ labels: { name }, value: 1 })),
  ),

  family(
    "gauge",
    "guest_series_omitted",
    "Entries of each kind left out because the guest has too many, or too many new ones.",
    ({ omitted }) =>
      KINDS.filter((kind) => omitted[kind] > 0)
        .map((kind) => ({ labels: { kind }, value: omitted[kind] })),
  ),
];
