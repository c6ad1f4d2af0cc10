import type { Measure } from "../measure.ts";
import { cpuMicroseconds, readCpuTimes } from "../proc.ts";

/** How many pings, including the measurement of memory. */
export const PIPELINED_PINGS = 20_000;
/** How many of them are unanswered at a time. */
export const OUTSTANDING = 64;

const MS_PER_SECOND = 1000;
const US_PER_MS = 1000;
const PERCENT = 100;

/** Many pings in flight at once. */
export const pipelinedPings: Measure = {
  name: "pipelined pings",
  rows: [
    {
      label: "pipelined pings, 64 outstanding",
      unit: "1/s",
      limit: { kind: "ratio at least", factor: 1.2 },
      inReadme: true,
    },
    { label: "pipelined pings, CPU of the agent", unit: "µs", digits: 1 },
    { label: "pipelined pings, load of the bench", unit: "%" },
  ],
  run: async ({ caller, speech, pid }) => {
    // The bench's own code should be compiled before the clock starts.
    await caller.pipeline(speech.ping, PIPELINED_PINGS / 2, OUTSTANDING);
    const cpu = [await readCpuTimes(pid), await readCpuTimes(Deno.pid)] as const;
    const start = performance.now();
    await caller.pipeline(speech.ping, PIPELINED_PINGS, OUTSTANDING);
    const tookMs = performance.now() - start;
    const agentUs = cpuMicroseconds(cpu[0], await readCpuTimes(pid));
    const benchUs = cpuMicroseconds(cpu[1], await readCpuTimes(Deno.pid));
    return {
      "pipelined pings, 64 outstanding": PIPELINED_PINGS / tookMs * MS_PER_SECOND,
      "pipelined pings, CPU of the agent": agentUs / PIPELINED_PINGS,
      "pipelined pings, load of the bench": benchUs / (tookMs * US_PER_MS) * PERCENT,
    };
  },
};
