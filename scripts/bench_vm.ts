/**
 * `deno task bench:vm`: compares the agent with qemu-ga in one guest, each behind its own virtio port
 * and driven by the same client. There are no limits: under emulation the numbers compare the two
 * agents and say nothing about a guest with hardware virtualization.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { EXIT } from "../commands/usage.ts";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { AgentSpeech } from "./bench/agent.ts";
import { Caller, successful } from "./bench/caller.ts";
import { describeMachine } from "./bench/machine.ts";
import type { Reading, Row } from "./bench/measure.ts";
import { timeEach } from "./bench/measures/latency.ts";
import type { Speech } from "./bench/peer.ts";
import { QemuGaSpeech } from "./bench/qemu_ga.ts";
import { summarize } from "./bench/results.ts";
import { median, quantile } from "./bench/stats.ts";
import { markdown } from "./bench/table.ts";
import { parseLine, Wire } from "./bench/wire.ts";
import { Guest } from "./vm/guest.ts";
import { buildImage, type Image } from "./vm/image.ts";
import { type Accelerator, ACCELERATORS } from "./vm/machine.ts";
import { currentPackage } from "./vm/package.ts";
import { MissingToolsError } from "./vm/tools.ts";

const USAGE = `Usage: deno task bench:vm [--boots N] [--accel A]

  --boots N   how often to measure, each time in a fresh guest (default: 3)
  --accel A   ${ACCELERATORS.join(" or ")} (default: tcg)
`;

const ROWS: readonly Row[] = [
  { label: "power-on to first answer", unit: "s", digits: 1 },
  { label: "ping through the port, median", unit: "µs" },
  { label: "ping through the port, 99 of 100 within", unit: "µs" },
  { label: "exec /bin/true in the guest, median", unit: "µs" },
  { label: "idle in the guest, resident", unit: "MiB", digits: 1 },
];

const PINGS = { warmUp: 300, measured: 2000 };
const COMMANDS = { warmUp: 5, measured: 40 };
const POLL_MS = 50;
const BOOT_MS = 180_000;
const MEMORY_MB = 512;

/** Lifts the rate limit. */
const LIFT_LIMITS = `cd /etc/kvmmanager-agent
printf '{"max_requests_per_second": 1000000, "log_level": "error"}' > config.json
systemctl restart kvmmanager-agent.service`;

const RESIDENT = `for unit in kvmmanager-agent qemu-guest-agent; do
  sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\) kB/\\1/p' /proc/$(systemctl show -P MainPID $unit)/status
done`;

/** Seconds from `start` until the agent behind a socket answers; it is polled. */
async function secondsToAnswer(
  socket: string,
  speechOf: (caller: Caller) => Speech,
  start: number,
): Promise<number> {
  const wire = await Wire.connect(socket);
  using _wire = wire;
  const caller = new Caller(wire);
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
    "ping through the port, 99 of 100 within": quantile(pings, 0.99),
    "exec /bin/true in the guest, median": median(commands),
  };
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
  const resident = (await guest.root(RESIDENT)).trim().split("\n").map((kb) => Number(kb) / 1024);
  return {
    agent: {
      ...await measure(guest.socket, agentSpeech),
      "power-on to first answer": ours,
      "idle in the guest, resident": resident[0],
    },
    qemuGa: {
      ...await measure(guest.qemuGaSocket, qemuGaSpeech),
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
  const accel = single(parsed.accel, "accel") ?? "tcg";
  const accelerator = ACCELERATORS.find((known) => known === accel);
  if (accelerator !== undefined) return { boots: Number(text), accelerator };
  throw new UsageError(`--accel must be ${ACCELERATORS.join(" or ")}, received "${accel}"`);
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

async function run(args: readonly string[]): Promise<number> {
  try {
    const order = readOrder(args);
    if (order === "help") printLine(USAGE.trimEnd());
    else await bench(order);
    return EXIT.ok;
  } catch (error) {
    printError(`bench:vm: ${error instanceof Error ? error.message : error}`);
    if (error instanceof UsageError) return EXIT.usage;
    return error instanceof MissingToolsError ? EXIT.unavailable : EXIT.software;
  }
}

if (import.meta.main) Deno.exit(await run(Deno.args));
