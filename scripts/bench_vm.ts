/**
 * `deno task bench:vm`: compares the agent with qemu-ga in one guest, each behind its own virtio port
 * and driven by the same client. There are no limits: under emulation the numbers compare the two
 * agents and say nothing about a guest with hardware virtualization.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { AgentSpeech } from "./bench/agent.ts";
import { Caller, successful } from "./bench/caller.ts";
import { describeMachine } from "./bench/machine.ts";
import type { Reading, Row } from "./bench/measure.ts";
import { timeEach } from "./bench/measures/latency.ts";
import { PIECE_BYTES, type Speech } from "./bench/peer.ts";
import { QemuGaSpeech } from "./bench/qemu_ga.ts";
import { summarize } from "./bench/results.ts";
import { median, quantile } from "./bench/stats.ts";
import { markdown } from "./bench/table.ts";
import { parseLine, Wire } from "./bench/wire.ts";
import { Guest } from "./vm/guest.ts";
import { buildImage, type Image } from "./vm/image.ts";
import { type Accelerator, ACCELERATORS, readAccelerator } from "./vm/accelerator.ts";
import { currentPackage } from "./vm/package.ts";
import { runOrder } from "./run_order.ts";

const USAGE = `Usage: deno task bench:vm [--boots N] [--accel A]

  --boots N   how often to measure, each time in a fresh guest (default: 3)
  --accel A   ${ACCELERATORS.join(" or ")} (default: tcg)
`;

const ROWS: readonly Row[] = [
  { label: "power-on to first answer", unit: "s", digits: 1 },
  { label: "ping through the port, median", unit: "µs" },
  { label: "ping through the port, 99th percentile", unit: "µs" },
  { label: "exec /bin/true in the guest, median", unit: "µs" },
  { label: "host connects after a pause, to its first answer, median", unit: "ms", digits: 1 },
  { label: "CPU while no host is connected", unit: "% of a core", digits: 2 },
  { label: "file read through the port, 2 MB in pieces of 48 kB", unit: "MB/s", digits: 2 },
  { label: "file written through the port, 2 MB in pieces of 48 kB", unit: "MB/s", digits: 2 },
  { label: "idle in the guest, resident", unit: "MiB", digits: 1 },
];

const PINGS = { warmUp: 300, measured: 2000 };
const COMMANDS = { warmUp: 5, measured: 40 };
/** How often a host connects, and how long it was away before: longer than the agent's longest pause. */
const CONNECTS = { count: 15, awayMs: 2500 };
const IDLE_SECONDS = 20;
const FILE_BYTES = 2_000_000;
const POLL_MS = 50;
/** Of requests that may be answered late, to whoever is connected then: nobody else has them. */
const POLLED_IDS = 1_000_000;
const BOOT_MS = 180_000;
const MEMORY_MB = 512;

/** Lifts the rate limit. */
const LIFT_LIMITS = `cd /etc/kvmmanager-agent
printf '{"max_requests_per_second": 1000000, "log_level": "error"}' > config.json
systemctl restart kvmmanager-agent.service`;

const RESIDENT = `for unit in kvmmanager-agent qemu-guest-agent; do
  sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\) kB/\\1/p' /proc/$(systemctl show -P MainPID $unit)/status
done`;

/** Clock ticks of CPU that both agents have used, of which there are 100 in a second (proc(5)). */
const CPU_TICKS = `for unit in kvmmanager-agent qemu-guest-agent; do
  sed 's/.*) //' /proc/$(systemctl show -P MainPID $unit)/stat | cut -d' ' -f12,13 | tr ' ' +
done`;
const TICKS_PER_SECOND = 100;

/** Seconds from `start` until the agent behind a socket answers; it is polled. */
async function secondsToAnswer(
  socket: string,
  speechOf: (caller: Caller) => Speech,
  start: number,
): Promise<number> {
  const wire = await Wire.connect(socket);
  using _wire = wire;
  const caller = new Caller(wire, POLLED_IDS);
  const { ping } = speechOf(caller);
  const giveUp = AbortSignal.timeout(BOOT_MS);
  let isAnswered = false;
  const asking = (async () => {
    // Requests sent before the guest has opened its port may be lost.
    while (!isAnswered && !giveUp.aborted) {
      await caller.begin(ping);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    if (!isAnswered) wire[Symbol.dispose]();
  })();
  for (;;) {
    const message = successful(parseLine(await wire.readLine()));
    if (!("result" in message || "return" in message)) continue;
    isAnswered = true;
    const seconds = (performance.now() - start) / 1000;
    await asking;
    return seconds;
  }
}

/** Measures one agent in a running guest. */
async function measure(socket: string, speechOf: (caller: Caller) => Speech): Promise<Reading> {
  const wire = await Wire.connect(socket);
  using _wire = wire;
  const caller = new Caller(wire);
  const speech = speechOf(caller);
  const pings = await timeEach(() => caller.call(speech.ping), PINGS);
  const commands = await timeEach(() => speech.exec("/bin/true"), COMMANDS);
  return {
    "ping through the port, median": median(pings),
    "ping through the port, 99th percentile": quantile(pings, 0.99),
    "exec /bin/true in the guest, median": median(commands),
  };
}

/** Milliseconds from connecting to the first answer, after each pause without a host. */
async function timeConnects(
  socket: string,
  speechOf: (caller: Caller) => Speech,
): Promise<number[]> {
  const times: number[] = [];
  for (let count = 0; count < CONNECTS.count; count++) {
    await new Promise((resolve) => setTimeout(resolve, CONNECTS.awayMs));
    const start = performance.now();
    const wire = await Wire.connect(socket);
    using _wire = wire;
    const caller = new Caller(wire);
    await caller.call(speechOf(caller).ping);
    times.push(performance.now() - start);
  }
  return times;
}

/** Megabytes per second of a file that is written to the guest and read back. */
async function transfer(
  socket: string,
  speechOf: (caller: Caller) => Speech,
): Promise<{ readonly written: number; readonly read: number }> {
  const wire = await Wire.connect(socket);
  using _wire = wire;
  const speech = speechOf(new Caller(wire));
  const bytes = crypto.getRandomValues(new Uint8Array(PIECE_BYTES));
  const pieces = Array.from({ length: FILE_BYTES / PIECE_BYTES }, () => bytes.toBase64());
  const size = pieces.length * PIECE_BYTES;
  const path = "/tmp/kvmmanager/bench";
  const rate = async (work: () => Promise<unknown>) => {
    const start = performance.now();
    await work();
    return size / 1000 / (performance.now() - start);
  };
  const written = await rate(() => speech.writeFile(path, pieces));
  const read = await rate(() => speech.readFile(path, size));
  return { written, read };
}

/** Percent of a core that each agent uses while nobody is connected: ours, qemu-ga. */
async function idleCpu(guest: Guest): Promise<number[]> {
  const ticks = async () =>
    (await guest.root(CPU_TICKS)).trim().split("\n").map((line) => {
      const [user = 0, system = 0] = line.split("+").map(Number);
      return user + system;
    });
  const before = await ticks();
  await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
  const after = await ticks();
  return after.map((sum, index) =>
    (sum - (before[index] ?? 0)) / TICKS_PER_SECOND / IDLE_SECONDS * 100
  );
}

interface Readings {
  readonly agent: Reading;
  readonly qemuGa: Reading;
  readonly version: string;
}

const agentSpeech = (caller: Caller) => new AgentSpeech(caller);
const qemuGaSpeech = (caller: Caller) => new QemuGaSpeech(caller);

async function boot(image: Image, accelerator: Accelerator): Promise<Readings> {
  const start = performance.now();
  const guest = await Guest.boot({ image, memoryMb: MEMORY_MB, accelerator, until: "nothing" });
  await using _guest = guest;
  const [ours, theirs] = await Promise.all([
    secondsToAnswer(guest.socket, agentSpeech, start),
    secondsToAnswer(guest.qemuGaSocket, qemuGaSpeech, start),
  ]);
  await guest.rootReady();
  await guest.root(LIFT_LIMITS);
  await guest.ready();
  const idle = await idleCpu(guest);
  const resident = (await guest.root(RESIDENT)).trim().split("\n").map((kb) => Number(kb) / 1024);
  const connects = "host connects after a pause, to its first answer, median";
  const port = async (socket: string, speechOf: (caller: Caller) => Speech): Promise<Reading> => {
    const { written, read } = await transfer(socket, speechOf);
    return {
      ...await measure(socket, speechOf),
      [connects]: median(await timeConnects(socket, speechOf)),
      "file read through the port, 2 MB in pieces of 48 kB": read,
      "file written through the port, 2 MB in pieces of 48 kB": written,
    };
  };
  return {
    agent: {
      ...await port(guest.socket, agentSpeech),
      "CPU while no host is connected": idle[0],
      "power-on to first answer": ours,
      "idle in the guest, resident": resident[0],
    },
    qemuGa: {
      ...await port(guest.qemuGaSocket, qemuGaSpeech),
      "CPU while no host is connected": idle[1],
      "power-on to first answer": theirs,
      "idle in the guest, resident": resident[1],
    },
    version: (await guest.root("qemu-ga --version")).trim(),
  };
}

interface Order {
  readonly boots: number;
  readonly accelerator: Accelerator;
}

function readOrder(args: readonly string[]): Order | "help" {
  const parsed = parseArgs(args, {
    boolean: ["help"],
    string: ["boots", "accel"],
    collect: ["boots", "accel"],
    alias: { h: "help" },
    unknown: refuseUnknown,
  });
  if (parsed.help) return "help";
  const text = single(parsed.boots, "boots") ?? "3";
  if (!/^[1-9]\d?$/.test(text)) {
    throw new UsageError(`--boots must be a number from 1 to 99, received "${text}"`);
  }
  const accelerator = readAccelerator("--accel", single(parsed.accel, "accel"));
  return { boots: Number(text), accelerator };
}

async function bench({ boots, accelerator }: Order): Promise<void> {
  const packageFile = await currentPackage(printError);
  const image = await buildImage({ init: "systemd", packageFile, onProgress: printError });
  const readings: Readings[] = [];
  for (let number = 1; number <= boots; number++) {
    printError(`boot ${number} of ${boots}`);
    readings.push(await boot(image, accelerator));
  }
  const results = summarize(
    { rows: ROWS },
    { agent: readings.map(({ agent }) => agent), qemuGa: readings.map(({ qemuGa }) => qemuGa) },
  );
  const machine = await describeMachine(readings[0]?.version ?? "qemu-ga");
  printLine(markdown({ ...machine, guest: `Debian 12, QEMU, ${accelerator}` }, boots, results));
}

if (import.meta.main) {
  Deno.exit(
    await runOrder({ name: "bench:vm", usage: USAGE, read: readOrder, perform: bench }, Deno.args),
  );
}
