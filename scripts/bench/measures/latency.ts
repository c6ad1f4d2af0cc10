import { cpuMicroseconds, readCpuTimes } from "../proc.ts";
import type { Measure } from "../measure.ts";
import { median, quantile } from "../stats.ts";

const US_PER_MS = 1000;
const TAIL = 0.99;

/** How often something is done. */
interface Counts {
  readonly warmUp: number;
  readonly measured: number;
}

const REQUESTS: Counts = { warmUp: 1000, measured: 10_000 };
const FACTS: Counts = { warmUp: 500, measured: 4000 };
const COMMANDS: Counts = { warmUp: 50, measured: 400 };

/** How long each of many took, one after the other, in microseconds. */
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

/** Ping, one at a time: the round trip, and what it costs the agent. */
export const pingLatency: Measure = {
  name: "ping",
  rows: [
    { label: "ping, median", unit: "µs", limit: { kind: "ratio at most", factor: 1.5 } },
    { label: "ping, 99 of 100 within", unit: "µs" },
    { label: "ping, CPU of the agent", unit: "µs" },
  ],
  run: async ({ caller, speech, pid }) => {
    const before = await readCpuTimes(pid);
    const times = await timeEach(() => caller.call(speech.ping), REQUESTS);
    const used = cpuMicroseconds(before, await readCpuTimes(pid));
    return {
      "ping, median": median(times),
      "ping, 99 of 100 within": quantile(times, TAIL),
      "ping, CPU of the agent": used / (REQUESTS.warmUp + REQUESTS.measured),
    };
  },
};

/** get_system_info beside guest-get-osinfo, which tells less. */
export const systemInfoLatency: Measure = {
  name: "get_system_info",
  rows: [
    { label: "get_system_info, median", unit: "µs", limit: { kind: "ratio at most", factor: 1.5 } },
    { label: "get_system_info, 99 of 100 within", unit: "µs" },
  ],
  run: async ({ caller, speech }) => {
    const times = await timeEach(() => caller.call(speech.systemInfo), FACTS);
    return {
      "get_system_info, median": median(times),
      "get_system_info, 99 of 100 within": quantile(times, TAIL),
    };
  },
};

/** Running a program that does nothing; qemu-ga is polled without a pause. */
export const execLatency: Measure = {
  name: "exec",
  rows: [
    { label: "exec /bin/true, median", unit: "µs", limit: { kind: "ratio at most", factor: 1.5 } },
    { label: "exec /bin/true, 99 of 100 within", unit: "µs" },
  ],
  run: async ({ speech }) => {
    const times = await timeEach(() => speech.exec("/bin/true"), COMMANDS);
    return {
      "exec /bin/true, median": median(times),
      "exec /bin/true, 99 of 100 within": quantile(times, TAIL),
    };
  },
};
