/**
 * `deno task soak`: a long run in a few minutes. Sends hundreds of thousands of requests from
 * thousands of hosts, and a flood; memory, descriptors and processes must return to their old
 * level. Prints the curve, draws it with `--plot FILE`, and fails if something grows or a limit is
 * exceeded.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { Scratch } from "./bench/scratch.ts";
import { startAgent } from "./soak/agent.ts";
import { BUDGET_MIB, Curve, drawCurve, type Sample } from "./soak/curve.ts";
import { flood, neverRead, type OverloadReport, PER_SECOND } from "./soak/overload.ts";
import { describeMix, keepMixes, peakUnder, worstMixes } from "./soak/mixes.ts";
import { dropMonitorConnections, reconnect } from "./soak/reconnects.ts";
import { prepareFiles, sendRequests } from "./soak/requests.ts";
import { search } from "./soak/search.ts";

const DEFAULTS = { requests: 200_000, reconnects: 10_000, monitor: 1000, overload: 60 } as const;
const NAMES = ["requests", "reconnects", "monitor", "overload", "plot", "search", "seed"] as const;
/** Garbage that may be left at rest (lib/base/memory/garbage.ts). */
const AT_REST_MIB = 3;
/** Threads that the runtime's pool may have at the moment: each ends after ten idle seconds. */
const IDLE_THREADS = 2;
/** The allowed difference between two medians of the same load. */
const SAME_LOAD_MIB = 1;
/** Longer than the agent keeps files open, and than idle threads live. */
const SETTLE_MS = 15_000;
const RECOVERY_MS = 1000;
const UNREAD_REQUESTS = 20_000;
const UNREAD_MS = 3000;

interface Options {
  readonly requests: number;
  readonly reconnects: number;
  readonly monitor: number;
  readonly overload: number;
  readonly plot: string | undefined;
  /** Seconds to search for the mix of requests that takes the most memory, instead of the soak. */
  readonly search: number | undefined;
  readonly seed: string;
}

function readOptions(args: readonly string[]): Options {
  const parsed = parseArgs(args, { string: NAMES, collect: NAMES, unknown: refuseUnknown });
  const option = (name: (typeof NAMES)[number]) => single(parsed[name] ?? [], name);
  const count = (name: keyof typeof DEFAULTS) => {
    const value = Number(option(name) ?? DEFAULTS[name]);
    if (Number.isInteger(value) && value > 0) return value;
    throw new UsageError(`--${name} must be a whole number above 0`);
  };
  const searched = option("search");
  if (searched !== undefined && !(Number(searched) > 0)) {
    throw new UsageError("--search must be a number of seconds above 0");
  }
  return {
    requests: count("requests"),
    reconnects: count("reconnects"),
    monitor: count("monitor"),
    overload: count("overload"),
    plot: option("plot"),
    search: searched === undefined ? undefined : Number(searched),
    seed: option("seed") ?? crypto.randomUUID(),
  };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));

/** What has grown from one idle moment to another, in words. */
function growth(before: Sample, after: Sample): string[] {
  const grown = after.residentMiB - before.residentMiB;
  return [
    ...(grown > AT_REST_MIB ? [`memory by ${grown.toFixed(1)} MiB`] : []),
    ...(after.threads > before.threads + IDLE_THREADS
      ? [`threads from ${before.threads} to ${after.threads}`]
      : []),
    ...(["descriptors", "children"] as const)
      .filter((name) => after[name] > before[name])
      .map((name) => `${name} from ${before[name]} to ${after[name]}`),
  ].map((what) => `${after.phase}: ${what}`);
}

/** What has grown from the first quarter of a phase to its last, under the same load, in words. */
function growthWithin(samples: readonly Sample[]): string[] {
  const median = (some: readonly Sample[]) =>
    some.map(({ residentMiB }) => residentMiB).sort((a, b) => a - b)[some.length >> 1] ?? 0;
  const quarter = Math.ceil(samples.length / 4);
  const [first, last] = [median(samples.slice(0, quarter)), median(samples.slice(-quarter))];
  printLine(`median of the first quarter ${first.toFixed(1)} MiB, of the last ${last.toFixed(1)}`);
  if (last - first <= SAME_LOAD_MIB) return [];
  return [`under the same load memory grew from ${first.toFixed(1)} to ${last.toFixed(1)} MiB`];
}

/** Sends all kinds of requests and disconnects in all ways; returns what has grown. */
async function leaks(
  scratch: Scratch,
  options: Options,
): Promise<{ faults: string[]; curve: Curve }> {
  const agent = await startAgent(scratch, {
    max_requests_per_second: 10_000_000,
    max_concurrent_requests: 10,
  });
  await prepareFiles(agent.files);
  const curve = new Curve(agent.pid);
  const send = async (count: number, phase: string) => {
    const wire = await agent.connect();
    using _wire = wire;
    await sendRequests(wire, agent.files, count, async () => void await curve.sample(phase));
  };
  await curve.sample("start");
  const warmUp = Math.min(10_000, options.requests);
  await send(warmUp, "warm-up");
  await reconnect(agent, 100, () => Promise.resolve());
  await dropMonitorConnections(agent, 40);
  await settle();
  const rest = await curve.sample("at rest, warm");
  const phases: [string, () => Promise<void>][] = [
    [`${options.requests} requests`, () => send(options.requests, "requests")],
    [
      `${options.reconnects} hosts`,
      () => reconnect(agent, options.reconnects, async () => void await curve.sample("hosts")),
    ],
    [
      `${options.monitor} programs that drop the monitor`,
      () => dropMonitorConnections(agent, options.monitor),
    ],
  ];
  const faults: string[] = [];
  for (const [name, work] of phases) {
    await work();
    await settle();
    faults.push(...growth(rest, await curve.sample(`after ${name}`)));
  }
  faults.push(...growthWithin(curve.samples.filter(({ phase }) => phase === "requests")));
  const peak = await curve.peakMiB();
  printLine(`peak ${peak.toFixed(1)} MiB`);
  if (peak > BUDGET_MIB) faults.push(`the peak of ${peak.toFixed(1)} MiB is over the budget`);
  return { faults, curve };
}

/** Ten times the rate beside ten slow commands, and a host that never reads. */
async function overload(scratch: Scratch, seconds: number): Promise<string[]> {
  const agent = await startAgent(scratch, { max_requests_per_second: PER_SECOND });
  const curve = new Curve(agent.pid);
  const report = await flood(agent, seconds, async () => void await curve.sample("flood"));
  printLine(JSON.stringify(report));
  const lifted = await startAgent(scratch, { max_requests_per_second: 10_000_000 });
  const unreadCurve = new Curve(lifted.pid);
  const unreadMs = await neverRead(lifted, UNREAD_REQUESTS, UNREAD_MS);
  await unreadCurve.sample("never read");
  const peaks = [await curve.peakMiB(), await unreadCurve.peakMiB()];
  printLine(`peaks ${peaks.map((peak) => peak.toFixed(1)).join(" and ")} MiB`);
  printLine(`a stalled host was served again after ${unreadMs.toFixed(0)} ms`);
  return [
    ...overloadFaults(report),
    ...(unreadMs > RECOVERY_MS ? [`not served within ${RECOVERY_MS} ms after all was read`] : []),
    ...(Math.max(...peaks) > BUDGET_MIB ? ["overload takes more memory than the budget"] : []),
  ];
}

function overloadFaults({ seconds, letIn, sent, turnedAway, ...report }: OverloadReport): string[] {
  const most = PER_SECOND * (seconds + 2);
  return [
    ...(letIn > most ? [`${letIn} requests were accepted, the limit is ${most}`] : []),
    ...(letIn < PER_SECOND * seconds * 0.9 ? [`only ${letIn} requests were accepted`] : []),
    ...(letIn + turnedAway === sent ? [] : ["not every request was answered"]),
    ...(report.slowestMs > RECOVERY_MS ? [`an answer took ${report.slowestMs.toFixed(0)} ms`] : []),
    ...(report.recoveryMs > RECOVERY_MS ? ["not back to normal within a second"] : []),
  ];
}

/** Searches for the worst mixes and keeps them; returns those over the budget. */
async function searchMixes(scratch: Scratch, seconds: number, seed: string): Promise<string[]> {
  printLine(`searching for ${seconds} s, seed ${seed}`);
  const worst = await search((mix) => peakUnder(mix, scratch), {
    known: (await worstMixes()).map(({ mix }) => mix),
    seconds,
    seed,
    onWorse: ({ peakMiB, mix }) => printLine(`${peakMiB.toFixed(1)} MiB  ${describeMix(mix)}`),
  });
  await keepMixes(worst);
  return worst.filter(({ peakMiB }) => peakMiB > BUDGET_MIB)
    .map(({ peakMiB, mix }) => `${peakMiB.toFixed(1)} MiB under ${describeMix(mix)}`);
}

/** The soak itself; returns the failures. */
async function soak(scratch: Scratch, options: Options): Promise<string[]> {
  const { faults, curve } = await leaks(scratch, options);
  if (options.plot !== undefined) {
    await Deno.writeTextFile(options.plot, drawCurve(curve.samples));
  }
  return [...faults, ...await overload(scratch, options.overload)];
}

if (import.meta.main) {
  try {
    const options = readOptions(Deno.args);
    const scratch = await Scratch.make();
    await using _scratch = scratch;
    const faults = options.search === undefined
      ? await soak(scratch, options)
      : await searchMixes(scratch, options.search, options.seed);
    for (const fault of faults) printError(`FAILED: ${fault}`);
    printLine(
      faults.length === 0 ? "nothing grew and every limit held" : `${faults.length} failed`,
    );
    if (faults.length > 0) Deno.exitCode = 1;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    printError(`soak: ${error.message}`);
    Deno.exitCode = 64;
  }
}
