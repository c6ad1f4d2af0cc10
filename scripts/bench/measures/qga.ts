import type { RequestText } from "../caller.ts";
import type { Limit, Measure } from "../measure.ts";
import { PIECE_BYTES } from "../peer.ts";
import { request } from "../qemu_ga.ts";
import { start, type Started } from "../start.ts";
import { median } from "../stats.ts";
import { readOnce, transferRate, writeOnce } from "./files.ts";
import { timeEach, timeRarely } from "./latency.ts";

const QUICK = { warmUp: 500, measured: 4000 } as const;
const SLOW = { warmUp: 50, measured: 600 } as const;
const LARGE_PIECE_BYTES = 1_048_576;

const TIME: Limit = { kind: "ratio at most", factor: 1.5 };
const RATE: Limit = { kind: "ratio at least", factor: 1.5 };

/** Measures both agents in qemu-ga's language, each started for it. */
function inQga(
  name: string,
  { unit, limit }: { readonly unit: "µs" | "MB/s"; readonly limit?: Limit },
  measure: (started: Started) => Promise<number>,
): Measure {
  const label = `--dialect qga: ${name}`;
  return {
    name: `qga: ${name}`,
    rows: [{ label, unit, ...(limit && { limit }), digits: unit === "µs" ? 0 : 1 }],
    run: async ({ peer, scratch }) => {
      await using started = await start(await peer.withQga?.() ?? peer, scratch);
      return { [label]: await measure(started) };
    },
  };
}

const latency = (name: string, text: RequestText, counts: typeof QUICK | typeof SLOW): Measure =>
  inQga(
    name,
    { unit: "µs", limit: TIME },
    async ({ caller }) => median(await timeEach(() => caller.call(text), counts)),
  );

/** A fact that our agent keeps for a second: its time from there, and that of a new one. */
const factLatency = (name: string): readonly Measure[] => [
  latency(name, request(name), SLOW),
  inQga(
    `${name}, every 1.1 s`,
    { unit: "µs" },
    ({ caller }) => timeRarely(() => caller.call(request(name))),
  ),
];

const rate = (name: string, transfer: (started: Started) => Promise<number>): Measure =>
  inQga(
    name,
    { unit: "MB/s", limit: RATE },
    async (started) => await transferRate(() => transfer(started)),
  );

/** The same requests in the same language to both agents. */
export const QGA_LANGUAGE: readonly Measure[] = [
  latency("guest-ping", request("guest-ping"), QUICK),
  latency("guest-sync", request("guest-sync", { id: 1_795_263_145 }), QUICK),
  latency("guest-info", request("guest-info"), SLOW),
  ...factLatency("guest-get-fsinfo"),
  ...factLatency("guest-network-get-interfaces"),
  inQga(
    "guest-exec and -status of /bin/true",
    { unit: "µs", limit: TIME },
    async ({ speech }) => median(await timeEach(() => speech.exec("/bin/true"), SLOW)),
  ),
  rate("file read, pieces of 48 kB", (started) => readOnce(started, PIECE_BYTES)),
  rate("file read, pieces of 1 MiB", (started) => readOnce(started, LARGE_PIECE_BYTES)),
  rate("file write, pieces of 48 kB", (started) => writeOnce(started, PIECE_BYTES)),
  rate("file write, pieces of 1 MiB", (started) => writeOnce(started, LARGE_PIECE_BYTES)),
];
