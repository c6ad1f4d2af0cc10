import * as z from "zod";
import { asRoot, operation, type Root, runOrFail } from "./operation.ts";

const EARLIEST_MS = Date.UTC(2000, 0, 1);
const LATEST_MS = Date.UTC(2100, 0, 1);

/** `time_set`: sets the guest's clock, and its hardware clock after it. */
export const timeSetOperation = operation({
  name: "time_set",
  group: "time",
  params: () =>
    z.strictObject({ time_ms: z.optional(z.int().check(z.gte(EARLIEST_MS), z.lte(LATEST_MS))) }),
  result: () =>
    z.strictObject({
      time_ms: z.int(),
      step_ms: z.int(),
      hardware_clock_set: z.boolean(),
    }),
  target: ({ time_ms }) => time_ms === undefined ? { from: "hardware clock" } : { time_ms },
});

/** How root performs it. */
export const timeSetAsRoot = /* @__PURE__ */ asRoot(timeSetOperation, {
  programs: ["date", "hwclock"],
  run: async ({ time_ms }, root) => {
    const monotonicBefore = performance.now();
    const before = Date.now();
    const isSet = time_ms === undefined
      ? await fromHardware(root)
      : await setTo(time_ms + root.sinceSentMs(), root);
    const now = Date.now();
    const step = now - before - (performance.now() - monotonicBefore);
    return { time_ms: now, step_ms: Math.round(step), hardware_clock_set: isSet };
  },
});

/** @returns Whether the hardware clock, which guests may lack, was set too. */
async function setTo(timeMs: number, root: Root): Promise<boolean> {
  await runOrFail(root, "date", ["--utc", `--set=@${(timeMs / 1000).toFixed(3)}`]);
  if (!root.has("hwclock")) return false;
  return (await root.run("hwclock", ["--systohc"])).code === 0;
}

async function fromHardware(root: Root): Promise<boolean> {
  await runOrFail(root, "hwclock", ["--hctosys"]);
  return false;
}
