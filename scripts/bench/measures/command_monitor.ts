import type { Measure, Row } from "../measure.ts";
import { readMemory } from "../proc.ts";
import { start } from "../start.ts";
import { median, quantile } from "../stats.ts";
import { timeEach } from "./latency.ts";

const TAIL = 0.99;
const ALONE = { warmUp: 500, measured: 4000 } as const;
const CLIENTS = 50;
const EACH = { warmUp: 10, measured: 200 } as const;
const SLOW_CLIENTS = 100;
/** Just under the size limit of a request. */
const HALF_REQUEST = `{"Name":"agent.Ping","Padding":"${"x".repeat(64_000)}`;
const SLOW_MS = 2000;
const SLOW_PAUSE_MS = 100;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const PING = encoder.encode('{"Name":"agent.Ping"}');

/** A round trip as a program in the guest makes it: a new connection, read to its end. */
async function ping(path: string): Promise<void> {
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(PING);
  const buffer = new Uint8Array(1024);
  let text = "";
  for (let read; (read = await connection.read(buffer)) !== null;) {
    text += decoder.decode(buffer.subarray(0, read));
  }
  if (JSON.parse(text).Status !== 0) throw new Error(`agent.Ping was answered with ${text}`);
}

/** A client that begins a large request, continues it byte by byte and never ends it. */
async function dawdle(path: string): Promise<void> {
  using connection = await Deno.connect({ transport: "unix", path });
  const end = performance.now() + SLOW_MS;
  let rest = encoder.encode(HALF_REQUEST);
  // The agent reads from a few clients at a time; the others cannot send everything at first.
  const sending = (async () => {
    while (rest.byteLength > 0) rest = rest.subarray(await connection.write(rest));
    while (performance.now() < end) {
      await connection.write(encoder.encode("x"));
      await new Promise((resolve) => setTimeout(resolve, SLOW_PAUSE_MS));
    }
  })().catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
  connection.close();
  await sending;
}

const LABELS = {
  alone: "agent.Ping of the command monitor, median",
  aloneTail: "agent.Ping of the command monitor, 99th percentile",
  many: `agent.Ping, ${CLIENTS} clients at once, median`,
  manyTail: `agent.Ping, ${CLIENTS} clients at once, 99th percentile`,
  idle: "idle, resident with a command monitor",
  peakPings: `peak after ${CLIENTS} clients of the command monitor`,
  peakSlow: `peak with ${SLOW_CLIENTS} slow clients, each with half a request of 64 kB`,
} as const;

const MEMORY = { unit: "MiB", digits: 1, over: "max" } as const;
const BUDGET: Row["limit"] = { kind: "at most", value: 50 };

/**
 * The command monitor: how long a program in the guest waits, and how much memory many of them
 * take.
 */
export const commandMonitor: Measure = {
  name: "command monitor",
  rows: [
    { label: LABELS.alone, unit: "µs" },
    { label: LABELS.aloneTail, unit: "µs" },
    { label: LABELS.many, unit: "µs" },
    { label: LABELS.manyTail, unit: "µs" },
    { ...MEMORY, label: LABELS.idle },
    { ...MEMORY, label: LABELS.peakPings, limit: BUDGET },
    { ...MEMORY, label: LABELS.peakSlow, limit: BUDGET },
  ],
  run: async ({ peer, scratch }) => {
    if (peer.withMonitor === undefined) return {};
    const path = scratch.newPath();
    await using started = await start(await peer.withMonitor(path), scratch);
    const idle = (await readMemory(started.pid)).residentMiB;
    const alone = await timeEach(() => ping(path), ALONE);
    const many = (await Promise.all(
      Array.from({ length: CLIENTS }, () => timeEach(() => ping(path), EACH)),
    )).flat();
    const peakPings = (await readMemory(started.pid)).peakMiB;
    await Promise.all(Array.from({ length: SLOW_CLIENTS }, () => dawdle(path)));
    await ping(path);
    return {
      [LABELS.alone]: median(alone),
      [LABELS.aloneTail]: quantile(alone, TAIL),
      [LABELS.many]: median(many),
      [LABELS.manyTail]: quantile(many, TAIL),
      [LABELS.idle]: idle,
      [LABELS.peakPings]: peakPings,
      [LABELS.peakSlow]: (await readMemory(started.pid)).peakMiB,
    };
  },
};
