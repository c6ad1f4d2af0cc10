import { cpuMicroseconds, readCpuTimes } from "../proc.ts";
import type { Measure } from "../measure.ts";
import { median, quantile } from "../stats.ts";

const US_PER_MS = 1000;
const TAIL = 0.99;

/** How many repetitions. */
interface Counts {
  readonly warmUp: number;
  readonly measured: number;
}

const REQUESTS: Counts = { warmUp: 1000, measured: 10_000 };
const FACTS: Counts = { warmUp: 500, measured: 4000 };
const SLOW_FACTS: Counts = { warmUp: 50, measured: 600 };
const ONCE: Counts = { warmUp: 0, measured: 1 };
const RARE_QUESTIONS = 5;
const RARE_PAUSE_MS = 1100;
const COMMANDS: Counts = { warmUp: 50, measured: 400 };

/** How long each of many consecutive calls took, in microseconds. */
export async function timeEach(act: () => Promise<unknown>, counts: Counts): Promise<number[]> {
  for (let done = 0; done < counts.warmUp; done++) await act();
  const times: number[] = [];
  for (let done = 0; done < counts.measured; done++) {
    const start = performance.now();
    await act();
    times.push((performance.now() - start) * US_PER_MS);
  }
  return times;
}

/**
 * The median of the same call, made so rarely that our agent has to ask the guest again: it keeps
 * its reports for a second.
 */
export async function timeRarely(act: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let done = 0; done < RARE_QUESTIONS; done++) {
    await new Promise((resolve) => setTimeout(resolve, RARE_PAUSE_MS));
    times.push(...await timeEach(act, ONCE));
  }
  return median(times);
}

/** Ping, one at a time: the round trip and its CPU time in the agent. */
export const pingLatency: Measure = {
  name: "ping",
  rows: [
    {
      label: "ping, median",
      unit: "µs",
      limit: { kind: "ratio at most", factor: 1.3 },
      inReadme: true,
    },
    { label: "ping, 99th percentile", unit: "µs" },
    { label: "ping, CPU of the agent", unit: "µs" },
  ],
  run: async ({ caller, speech, pid }) => {
    const before = await readCpuTimes(pid);
    const times = await timeEach(() => caller.call(speech.ping), REQUESTS);
    const used = cpuMicroseconds(before, await readCpuTimes(pid));
    return {
      "ping, median": median(times),
      "ping, 99th percentile": quantile(times, TAIL),
      "ping, CPU of the agent": used / (REQUESTS.warmUp + REQUESTS.measured),
    };
  },
};

/** get_system_info beside guest-get-osinfo, which reports less. */
export const systemInfoLatency: Measure = {
  name: "get_system_info",
  rows: [
    {
      label: "get_system_info, first after a start",
      unit: "ms",
      digits: 1,
      limit: { kind: "at most", value: 5 },
    },
    {
      label: "get_system_info, median",
      unit: "µs",
      limit: { kind: "ratio at most", factor: 1.3 },
      inReadme: true,
    },
    { label: "get_system_info, 99th percentile", unit: "µs" },
  ],
  run: async ({ caller, speech }) => {
    const [first = NaN] = await timeEach(() => caller.call(speech.systemInfo), ONCE);
    const times = await timeEach(() => caller.call(speech.systemInfo), FACTS);
    return {
      "get_system_info, first after a start": first / US_PER_MS,
      "get_system_info, median": median(times),
      "get_system_info, 99th percentile": quantile(times, TAIL),
    };
  },
};

/** get_network_info beside guest-network-get-interfaces. */
export const networkInfoLatency: Measure = {
  name: "get_network_info",
  rows: [
    { label: "get_network_info, first after a start", unit: "ms", digits: 1 },
    {
      label: "get_network_info, median",
      unit: "µs",
      limit: { kind: "ratio at most", factor: 2 },
      inReadme: true,
    },
    { label: "get_network_info, every 1.1 s, median", unit: "µs" },
  ],
  run: async ({ caller, speech }) => {
    const [first = NaN] = await timeEach(() => caller.call(speech.networkInfo), ONCE);
    const times = await timeEach(() => caller.call(speech.networkInfo), SLOW_FACTS);
    return {
      "get_network_info, first after a start": first / US_PER_MS,
      "get_network_info, median": median(times),
      "get_network_info, every 1.1 s, median": await timeRarely(() =>
        caller.call(speech.networkInfo)
      ),
    };
  },
};

/** get_disk_usage beside guest-get-fsinfo. */
export const diskUsageLatency: Measure = {
  name: "get_disk_usage",
  rows: [
    { label: "get_disk_usage, first after a start", unit: "ms", digits: 1 },
    {
      label: "get_disk_usage, median",
      unit: "µs",
      limit: { kind: "ratio at most", factor: 4 },
      inReadme: true,
    },
    { label: "get_disk_usage, every 1.1 s, median", unit: "µs" },
  ],
  run: async ({ caller, speech }) => {
    const [first = NaN] = await timeEach(() => caller.call(speech.diskUsage), ONCE);
    const times = await timeEach(() => caller.call(speech.diskUsage), SLOW_FACTS);
    return {
      "get_disk_usage, first after a start": first / US_PER_MS,
      "get_disk_usage, median": median(times),
      "get_disk_usage, every 1.1 s, median": await timeRarely(() => caller.call(speech.diskUsage)),
    };
  },
};

/** Runs a program that does nothing; qemu-ga is polled without a pause. */
export const execLatency: Measure = {
  name: "exec",
  rows: [
    {
      label: "exec /bin/true, median",
      unit: "µs",
      limit: { kind: "ratio at most", factor: 1.3 },
      inReadme: true,
    },
    { label: "exec /bin/true, 99th percentile", unit: "µs" },
  ],
  run: async ({ speech }) => {
    const times = await timeEach(() => speech.exec("/bin/true"), COMMANDS);
    return {
      "exec /bin/true, median": median(times),
      "exec /bin/true, 99th percentile": quantile(times, TAIL),
    };
  },
};
