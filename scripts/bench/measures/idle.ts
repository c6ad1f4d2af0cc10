import type { Measure } from "../measure.ts";
import { cpuMicroseconds, readCpuTimes, readMemory } from "../proc.ts";

const SETTLING_MS = 1000;
const WATCHING_MS = 5000;
const US_PER_MS = 1000;
const PERCENT = 100;

const wait = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** The memory of an agent whose host sends nothing. */
export const idleCosts: Measure = {
  name: "idle",
  rows: [
    {
      label: "idle, resident after one answer",
      unit: "MiB",
      digits: 1,
      over: "max",
      limit: { kind: "at most", value: 41 },
      inReadme: true,
    },
    { label: "idle, CPU over 5 s", unit: "%", digits: 3, limit: { kind: "under", value: 0.2 } },
  ],
  run: async ({ pid }) => {
    await wait(SETTLING_MS);
    const { residentMiB } = await readMemory(pid);
    const before = await readCpuTimes(pid);
    const start = performance.now();
    await wait(WATCHING_MS);
    const usedUs = cpuMicroseconds(before, await readCpuTimes(pid));
    const watchedUs = (performance.now() - start) * US_PER_MS;
    return {
      "idle, resident after one answer": residentMiB,
      "idle, CPU over 5 s": usedUs / watchedUs * PERCENT,
    };
  },
};
