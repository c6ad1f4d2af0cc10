/**
 * `deno task bench`: compares the bundled agent's speed and memory with qemu-ga's, in the same run
 * and with the same client. Exits with 1 if a limit is exceeded.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { printError, printLine } from "../lib/base/terminal.ts";
import { agentPeer } from "./bench/agent.ts";
import { describeMachine } from "./bench/machine.ts";
import type { Measure } from "./bench/measure.ts";
import { MEASURES } from "./bench/measures/mod.ts";
import { OptionError, type Options, readOptions } from "./bench/options.ts";
import type { Peer } from "./bench/peer.ts";
import { findQemuGa, type QemuGa, qemuGaPeer } from "./bench/qemu_ga.ts";
import { summarize } from "./bench/results.ts";
import { runRounds } from "./bench/rounds.ts";
import { Scratch } from "./bench/scratch.ts";
import { format } from "./bench/table.ts";

const EXIT = { ok: 0, failed: 1, usage: 64, signal: 128 } as const;
const SIGNALS = [["SIGHUP", 1], ["SIGINT", 2], ["SIGTERM", 15]] as const;
const BUNDLE = fromFileUrl(new URL("../dist/agent.js", import.meta.url));

/** A signal stopped the bench. */
class Interrupted extends Error {
  override readonly name = "Interrupted";

  constructor(readonly signalNumber: number) {
    super("interrupted");
  }
}

/** Measures and prints; returns the exit status. */
async function bench(options: Options, qemuGa: QemuGa): Promise<number> {
  const measures = chooseMeasures(options.only);
  // Before the scratch directory exists, so that a signal never leaves it behind.
  const interruption = onSignal();
  await using scratch = await Scratch.make();
  const agents: Peer[] = [];
  for (const compiler of options.compilers) agents.push(await agentPeer(scratch, compiler));
  const running = runRounds({
    measures,
    rounds: options.rounds,
    peers: [qemuGaPeer(qemuGa, scratch), ...agents],
    scratch,
    onProgress: printError,
  });
  const rounds = await Promise.race([running, interruption]);
  const machine = await describeMachine(qemuGa.version);
  let isBroken = false;
  agents.forEach(({ name }, agentIndex) => {
    const results = measures.flatMap((measure, index) => {
      const { readings: [theirs = [], ...ours] = [], disturbed } = rounds[index] ?? {};
      return summarize(measure, { agent: ours[agentIndex] ?? [], qemuGa: theirs, disturbed });
    });
    const report = { machine: { agent: name, ...machine }, rounds: options.rounds, results };
    printLine(format(options.format, report));
    const broken = results.filter(({ ok }) => ok === false).map(({ row }) => row.label);
    if (broken.length > 0) printError(`${name}: limits exceeded: ${broken.join("; ")}`);
    isBroken ||= broken.length > 0;
  });
  return isBroken ? EXIT.failed : EXIT.ok;
}

function chooseMeasures(only: string): Measure[] {
  const chosen = MEASURES.filter(({ name }) => name.includes(only));
  if (chosen.length > 0) return chosen;
  const names = MEASURES.map(({ name }) => name).join(", ");
  throw new OptionError(`no measure matches "${only}"; available: ${names}`);
}

/** Rejected with {@link Interrupted} on a signal. */
function onSignal(): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  for (const [signal, number] of SIGNALS) {
    Deno.addSignalListener(signal, () => reject(new Interrupted(number)));
  }
  // The signal may arrive before anything waits for it.
  promise.catch(() => {});
  return promise;
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}

async function main(): Promise<number> {
  try {
    const options = readOptions(Deno.args);
    const qemuGa = await findQemuGa();
    if (qemuGa === undefined) {
      printError("qemu-ga is missing; on Debian: apt-get install qemu-guest-agent");
      return EXIT.failed;
    }
    if (!await isFile(BUNDLE)) {
      printError(`${BUNDLE} is missing; run deno task bench, which builds it`);
      return EXIT.failed;
    }
    return await bench(options, qemuGa);
  } catch (error) {
    if (error instanceof Interrupted) return EXIT.signal + error.signalNumber;
    if (!(error instanceof OptionError)) throw error;
    printError(error.message);
    return EXIT.usage;
  }
}

// Exits explicitly, because the signal listeners would keep the process alive.
if (import.meta.main) Deno.exit(await main());
