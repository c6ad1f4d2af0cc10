import { ERRORS } from "../../lib/base/errors.ts";
import { method, NoParams } from "../../lib/core/method.ts";
import { needed } from "../_ability.ts";
import { bytesOf, Room } from "../_room.ts";
import {
  diskToWire,
  linkToWire,
  MetricsResult,
  processorToWire,
  sampleToWire,
} from "./_metrics_wire.ts";

/** Bytes of JSON for the names of the lists and the numbers of omitted entries. */
const OMITTED_BYTES = 192;

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
  result: MetricsResult,
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
    const whole = sampleToWire(sample);
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
