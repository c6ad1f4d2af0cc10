import type { Measure, Row } from "../measure.ts";
import { readMemory } from "../proc.ts";
import { start, type Started } from "../start.ts";
import { parseLine } from "../wire.ts";

const MESSAGE_BYTES = 64 * 1024;
const MOST_MIB = 50;

const encoder = new TextEncoder();

const requestLine = (id: number, method: string, params: unknown = {}) =>
  `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`;

/** Sends lines as fast as the agent takes them, and reads one answer for each. */
async function flood({ caller: { wire } }: Started, lines: readonly string[]): Promise<void> {
  const sending = (async () => {
    for (const line of lines) await wire.send(line);
  })();
  // A broken connection is reported by the reader below.
  sending.catch(() => {});
  for (let answers = 0; answers < lines.length;) {
    const message = parseLine(await wire.readLine());
    const isNotification = typeof message === "object" && message !== null && "method" in message;
    if (!isNotification) answers += 1;
  }
  await sending;
}

const times = (count: number, lineOf: (id: number) => string) =>
  Array.from({ length: count }, (_, id) => lineOf(id));

/** Loads that took the most memory when the agent was attacked, each on a fresh process. */
type Load = (started: Started) => Promise<void>;

async function malformedBatches(started: Started): Promise<void> {
  const line = `[${"1,".repeat(MESSAGE_BYTES / 2 - 2)}1]\n`;
  await flood(started, times(30, () => line));
}

async function largeEnvironments(started: Started): Promise<void> {
  const env = Object.fromEntries(times(5000, (index) => `n${index}`).map((name) => [name, ""]));
  await flood(
    started,
    times(90, (id) => requestLine(id, "exec_command", { command: "true", env })),
  );
}

async function waitingInput(started: Started): Promise<void> {
  const params = { command: "sleep", args: ["0.2"], input: "x".repeat(60_000) };
  await flood(started, times(98, (id) => requestLine(id, "exec_command", params)));
}

async function waitingWrites(started: Started): Promise<void> {
  const content = "x".repeat(60_000);
  const directory = started.scratch.newPath();
  await Deno.mkdir(directory);
  const lineOf = (id: number) =>
    requestLine(id, "file_write", { path: `${directory}/${id}`, content });
  await flood(started, times(98, lineOf));
}

async function pingBatches(started: Started): Promise<void> {
  const batch = `[${times(1500, (id) => requestLine(id, "ping").trim()).join(",")}]\n`;
  await flood(started, times(60, () => batch));
}

async function directoryLists(started: Started): Promise<void> {
  const path = started.scratch.newPath();
  await Deno.mkdir(path);
  await Promise.all(
    times(1000, (index) => `file-${index}`).map((name) =>
      Deno.writeTextFile(`${path}/${name}`, "")
    ),
  );
  await flood(started, times(270, (id) => requestLine(id, "file_list", { path })));
}

async function descriptions(started: Started): Promise<void> {
  await flood(started, times(300, (id) => requestLine(id, "rpc.discover")));
}

async function largeOutputs(started: Started): Promise<void> {
  const params = { command: "head", args: ["-c", "1000000", "/dev/urandom"] };
  await flood(started, times(100, (id) => requestLine(id, "exec_command", params)));
}

const LOADS: readonly [string, Load][] = [
  ["30 lines of [1,1,…], 64 kB each", malformedBatches],
  ["90 commands with 5,000 variables each", largeEnvironments],
  ["98 waiting commands with 60 kB of input", waitingInput],
  ["100 commands that print 1 MB each", largeOutputs],
  ["98 waiting file_write of 60 kB", waitingWrites],
  ["60 batches of 1,500 pings", pingBatches],
  ["270 file_list at once", directoryLists],
  ["300 rpc.discover at once", descriptions],
];

const CLIENTS = 300;
const EVENT = encoder.encode(
  JSON.stringify({
    Name: "agent.SendEvent",
    Arguments: { Event: "bench", Data: "x".repeat(60_000) },
  }),
);

/** Sends an event and reads the answer to its end. */
async function sendEvent(path: string): Promise<void> {
  using connection = await Deno.connect({ transport: "unix", path });
  const buffer = new Uint8Array(1024);
  try {
    for (let rest = EVENT; rest.byteLength > 0;) {
      rest = rest.subarray(await connection.write(rest));
    }
    while (await connection.read(buffer) !== null);
  } catch {
    // A refusal may close the connection before everything is sent.
  }
}

const rowOf = (label: string): Row => ({
  label,
  unit: "MiB",
  digits: 1,
  over: "max",
  limit: { kind: "at most", value: MOST_MIB },
});

/** Measures the peak of a load on the channel. */
function measureOf([load, act]: readonly [string, Load]): Measure {
  const label = `peak, ${load}`;
  return {
    name: `worst load: ${load}`,
    rows: [rowOf(label)],
    run: async (started) => {
      // qemu-ga has no limits that these loads could reach.
      if (!started.peer.boundsLines) return {};
      await act(started);
      return { [label]: (await readMemory(started.pid)).peakMiB };
    },
  };
}

const MONITOR_LABEL = `peak, ${CLIENTS} monitor clients with events of 60 kB`;

const monitorClients: Measure = {
  name: "worst load: monitor clients",
  rows: [rowOf(MONITOR_LABEL)],
  run: async ({ peer, scratch }) => {
    if (peer.withMonitor === undefined) return {};
    const path = scratch.newPath();
    await using started = await start(await peer.withMonitor(path), scratch);
    await Promise.all(Array.from({ length: CLIENTS }, () => sendEvent(path)));
    return { [MONITOR_LABEL]: (await readMemory(started.pid)).peakMiB };
  },
};

/** Peak resident memory under the worst loads that are known. */
export const WORST_LOADS: readonly Measure[] = [...LOADS.map(measureOf), monitorClients];
