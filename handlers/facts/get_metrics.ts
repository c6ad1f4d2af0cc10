import * as z from "zod";
import { ERRORS } from "../../lib/base/errors.ts";
import { method, NoParams } from "../../lib/core/method.ts";
import type {
  DiskMetrics,
  LinkMetrics,
  MemoryMetrics,
  MetricsSample,
  Pressure,
  ProcessorSeconds,
} from "../../lib/guest/metrics.ts";
import { needed } from "../_ability.ts";
import { bytesOf, Room } from "../_room.ts";

/** Bytes of JSON for the names of the lists and the numbers of omitted entries. */
const OMITTED_BYTES = 192;

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

/** `get_metrics`: counters and gauges of the whole guest, read at one moment. */
export const getMetrics = method({
  name: "get_metrics",
  capability: "metrics",
  summary: "Returns counters of processors, memory, disks, network and processes.",
  notes: [
    "Members that end with `_total` only grow while the guest runs; compute rates from two calls " +
    "and their `uptime_seconds`. If `boot_time` changes, they have started over. Other numbers " +
    "are the state at this moment.",
    "`cpu` sums all processors, `cores` lists those that are online; states are those of proc(5), " +
    "and `user` and `nice` include `guest` and `guest_nice`. `pressure` is absent where the kernel " +
    "does not measure it (PSI). Unused loop, RAM and network block devices are left out of `disks`.",
    "What does not fit one message is left out, from the end of `network`, `disks` and `cores`; " +
    "`network_omitted`, `disks_omitted` and `cores_omitted` count it.",
  ],
  params: NoParams,
  result: () =>
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
    }),
  access: "see",
  audited: false,
  errors: [{ code: ERRORS.commandFailed.code, when: "The guest cannot measure itself" }],
  available: ({ guest }) => guest.metrics !== undefined,
  example: {
    result: {
      timestamp_ms: 1702123456789,
      uptime_seconds: 86400.25,
      boot_time: 1702037056,
      load_average: [0.5, 0.4, 0.3],
      cpu: {
        user_seconds_total: 1200.5,
        nice_seconds_total: 0,
        system_seconds_total: 300.25,
        idle_seconds_total: 84000.1,
        iowait_seconds_total: 12.5,
        irq_seconds_total: 0,
        softirq_seconds_total: 4.2,
        steal_seconds_total: 1.1,
        guest_seconds_total: 0,
        guest_nice_seconds_total: 0,
        context_switches_total: 66520215,
      },
      memory: {
        total_bytes: 4125036544,
        free_bytes: 1258291200,
        available_bytes: 2147483648,
        buffers_bytes: 104857600,
        cached_bytes: 1073741824,
        reclaimable_bytes: 52428800,
        shared_bytes: 10485760,
        dirty_bytes: 65536,
        swap_total_bytes: 1073741824,
        swap_free_bytes: 1073741824,
        page_faults_total: 5021544,
        major_page_faults_total: 812,
        swapped_in_pages_total: 0,
        swapped_out_pages_total: 0,
        out_of_memory_kills_total: 0,
      },
      pressure: {
        cpu: {
          some: {
            avg10_percent: 1.5,
            avg60_percent: 0.8,
            avg300_percent: 0.4,
            waiting_seconds_total: 92.24,
          },
        },
        memory: {},
        io: {},
      },
      processes: {
        process_count: 112,
        thread_count: 240,
        running_count: 2,
        blocked_count: 0,
        created_total: 40213,
      },
      files: { open_count: 1632, open_limit: 2466186 },
      network: [{
        name: "eth0",
        received_bytes_total: 735025431,
        received_packets_total: 612402,
        receive_errors_total: 0,
        receive_drops_total: 0,
        sent_bytes_total: 51203944,
        sent_packets_total: 401233,
        send_errors_total: 0,
        send_drops_total: 0,
      }],
      disks: [{
        name: "vda",
        reads_total: 41560,
        read_bytes_total: 760973824,
        read_seconds_total: 87.05,
        writes_total: 95559,
        written_bytes_total: 3814473728,
        write_seconds_total: 112.6,
        requests_in_flight: 0,
        busy_seconds_total: 27.75,
      }],
      cores: [],
      cores_omitted: 1,
    },
  },
  run: async (_params, { guest, signal, resultLimitBytes }) => {
    const sample = await needed(guest.metrics, "measure itself").sample(signal);
    const whole = toWire(sample);
    const room = new Room(resultLimitBytes - OMITTED_BYTES - bytesOf(whole));
    // What is rarely long comes first; half of the room is kept for what follows.
    const network = room.take(sample.links.map(linkToWire), 1 / 2);
    const disks = room.take(sample.disks.map(diskToWire), 1 / 2);
    const cores = room.take(
      sample.cores.map(({ index, ...times }) => ({ index, ...processorToWire(times) })),
    );
    const omitted = (name: string, count: number) =>
      count > 0 ? { [`${name}_omitted`]: count } : {};
    return {
      ...whole,
      network,
      disks,
      cores,
      ...omitted("network", sample.links.length - network.length),
      ...omitted("disks", sample.disks.length - disks.length),
      ...omitted("cores", sample.cores.length - cores.length),
    };
  },
});

const toWire = (sample: MetricsSample) => ({
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

const processorToWire = (times: ProcessorSeconds) => ({
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

const diskToWire = (disk: DiskMetrics) => ({
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

const linkToWire = (link: LinkMetrics) => ({
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
