import type { Measure, Row } from "../measure.ts";
import { readMemory } from "../proc.ts";
import type { Started } from "../start.ts";
import { readOnce, writeOnce } from "./files.ts";
import { OUTSTANDING, PIPELINED_PINGS } from "./pipelined.ts";

const COMMANDS = 10;
const OUTPUT_BYTES = 1_000_000;
const LONG_LINE_BYTES = 100_000_000;
const CHUNK_BYTES = 1_000_000;
const NEWLINE = "\n";

/** Does something that takes memory; returns `false` if it does not apply to this agent. */
type Workload = (started: Started) => Promise<boolean>;

/** In this order on one process: each row has the peak up to its end. */
const WORKLOADS: readonly [string, Workload][] = [
  ["20,000 pipelined pings", async ({ caller, speech }) => {
    await caller.pipeline(speech.ping, PIPELINED_PINGS, OUTSTANDING);
    return true;
  }],
  ["ten commands printing 1 MB at once", async ({ speech, scratch }) => {
    const path = scratch.newPath();
    await Deno.writeTextFile(path, "0123456789abcde\n".repeat(OUTPUT_BYTES / 16));
    const sizes = await (await speech.execMany("/bin/cat", [path], COMMANDS)).ended();
    await Deno.remove(path);
    if (sizes.some((size) => size === 0)) throw new Error("a command's output is missing");
    return true;
  }],
  ["10 MB read", async (started) => {
    await readOnce(started);
    return true;
  }],
  ["10 MB written", async (started) => {
    await writeOnce(started);
    return true;
  }],
  ["a line of 100 MB", async ({ peer, caller, speech }) => {
    if (!peer.boundsLines) return false;
    const chunk = new Uint8Array(CHUNK_BYTES).fill("x".charCodeAt(0));
    for (let sent = 0; sent < LONG_LINE_BYTES; sent += CHUNK_BYTES) await caller.wire.send(chunk);
    await caller.wire.send(NEWLINE);
    await caller.call(speech.ping);
    return true;
  }],
];

/** Its row has the peak of everything before it, too. */
const LAST_WORKLOAD = WORKLOADS.at(-1)?.[0];

const labelOf = (workload: string) => `peak after ${workload}`;

const ROW = { unit: "MiB", digits: 1, over: "max" } as const;

/** Peak resident memory over the life of one process. */
export const peakMemory: Measure = {
  name: "peak memory",
  rows: [
    { ...ROW, label: "peak after the start" },
    ...WORKLOADS.map(([workload]): Row => ({
      ...ROW,
      label: labelOf(workload),
      limit: { kind: "at most", value: 50 },
      inReadme: workload === LAST_WORKLOAD,
    })),
    { ...ROW, label: "resident afterwards" },
  ],
  run: async (started) => {
    const { pid } = started;
    const reading: Record<string, number> = {
      "peak after the start": (await readMemory(pid)).peakMiB,
    };
    for (const [workload, act] of WORKLOADS) {
      if (await act(started)) reading[labelOf(workload)] = (await readMemory(pid)).peakMiB;
    }
    reading["resident afterwards"] = (await readMemory(pid)).residentMiB;
    return reading;
  },
};
