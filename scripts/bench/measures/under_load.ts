import type { Measure } from "../measure.ts";
import { median } from "../stats.ts";
import { timeEach } from "./latency.ts";

const COMMANDS = 10;
/** Shorter than the commands, so that all of them run the whole time. */
const PINGING_MS = 800;
const US_PER_MS = 1000;
const IDLE = { warmUp: 500, measured: 2000 } as const;

/** Pings while commands run. */
export const pingUnderLoad: Measure = {
  name: "ping while commands run",
  rows: [
    { label: "ping before, median", unit: "µs" },
    {
      label: "ping while ten sleeps run, median",
      unit: "µs",
      limit: { kind: "times own", factor: 2, of: "ping before, median" },
    },
    { label: "ping while ten sleeps run, maximum", unit: "µs" },
  ],
  run: async ({ caller, speech }) => {
    const before = await timeEach(() => caller.call(speech.ping), IDLE);
    const running = await speech.execMany("/bin/sleep", ["1"], COMMANDS);
    const times: number[] = [];
    const end = performance.now() + PINGING_MS;
    for (let start = performance.now(); start < end; start = performance.now()) {
      await caller.call(speech.ping);
      times.push((performance.now() - start) * US_PER_MS);
    }
    await running.ended();
    return {
      "ping before, median": median(before),
      "ping while ten sleeps run, median": median(times),
      "ping while ten sleeps run, maximum": Math.max(...times),
    };
  },
};
