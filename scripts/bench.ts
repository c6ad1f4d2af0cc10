/**
 * `deno task bench`: speed and memory of the bundled agent beside qemu-ga's, in the same run and
 * with the same client. Exits with 1 when a limit is broken.
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
import { findQemuGa, type QemuGa, qemuGaPeer } from "./bench/qemu_ga.ts";
import { summarize } from "./bench/results.ts";
import { runRounds } from "./bench/rounds.ts";
import { Scratch } from "./bench/scratch.ts";
import { json, markdown } from "./bench/table.ts";

const EXIT = { ok: 0, failed: 1, usage: 64, signal: 128 } as const;
const SIGNALS = [["SIGHUP", 1], ["SIGINT", 2], ["SIGTERM", 15]] as const;
const BUNDLE = fromFileUrl(new URL("../dist/agent.js", import.meta.url));

/** Somebody wants the bench to stop. */
class Interrupted extends Error {
  override readonly name = "Interrupted";

  constructor(readonly signalNumber: number) {
    super("interrupted");
  }
}

/** Measures and prints; returns the exit status. */
async function bench(options: Options, qemuGa: QemuGa): Promise<number> {
  const measures = chooseMeasures(options.only);
  // Before the scratch directory exists, so that nothing stays behind whenever the signal comes.
  const interruption = onSignal();
  await using scratch = await Scratch.make();
  const running = runRounds({
    measures,
    rounds: options.rounds,
    agent: await agentPeer(scratch),
    qemuGa: qemuGaPeer(qemuGa, scratch),
    scratch,
    onProgress: printError,
  });
  const rounds = await Promise.race([running, interruption]);
  const results = measures.flatMap((measure, index) => {
    const readings = rounds[index];
    return readings === undefined ? [] : summarize(measure, readings);
  });
  const print = options.json ? json : markdown;
  printLine(print(await describeMachine(qemuGa.version), options.rounds, results));
  const broken = results.filter(({ ok }) => ok === false).map(({ row }) => row.label);
  if (broken.length > 0) printError(`limits broken: ${broken.join("; ")}`);
  return broken.length === 0 ? EXIT.ok : EXIT.failed;
}

function chooseMeasures(only: string): Measure[] {
  const chosen = MEASURES.filter(({ name }) => name.includes(only));
  if (chosen.length > 0) return chosen;
  const names = MEASURES.map(({ name }) => name).join(", ");
  throw new OptionError(`no measure has "${only}" in its name; there are: ${names}`);
}

/** Rejected with {@link Interrupted} on a signal. */
function onSignal(): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  for (const [signal, number] of SIGNALS) {
    Deno.addSignalListener(signal, () => reject(new Interrupted(number)));
  }
  // It may come before anybody waits for it.
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
      printError(`${BUNDLE} is missing; deno task bench makes it first`);
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

// Not a return: the listeners for signals would keep the process alive.
if (import.meta.main) Deno.exit(await main());
