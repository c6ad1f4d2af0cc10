/**
 * `deno task bench:fleet`: four hosts with a thousand agents each in a NATS system. Prints what the
 * hosts' side takes, and what a call costs through a daemon; exits with 1 if a limit is exceeded.
 *
 *     deno task bench:fleet [--hosts N] [--agents N] [--calls N] [--seconds S]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { EXIT } from "../commands/exit.ts";
import type { FleetVm } from "../host/fleet/client.ts";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { printError } from "../lib/base/terminal.ts";
import { makeCalls } from "./bench/fleet/load.ts";
import { processorTimes, sum } from "./bench/fleet/processor.ts";
import { printResults, type Result } from "./bench/fleet/result.ts";
import { Stage } from "./bench/fleet/stage.ts";
import { throughDaemon } from "./bench/fleet/through.ts";
import { readMemory } from "./bench/proc.ts";
import { median, quantile } from "./bench/stats.ts";
import { MissingToolsError, requireTools } from "./vm/tools.ts";

const OPTIONS = ["hosts", "agents", "calls", "seconds"] as const;
type Option = typeof OPTIONS[number];
const DEFAULTS: Readonly<Record<Option, number>> = {
  hosts: 4,
  agents: 1000,
  calls: 10_000,
  seconds: 30,
};
/** For the default numbers of hosts and agents, on two cores with nothing else to do. */
const LIMITS = {
  ready: { below: 10 },
  idlePercent: { below: 2 },
  idleMiB: { below: 200 },
  perSecond: { atLeast: 3000 },
  p99Ms: { below: 100 },
  daemonUs: { below: 160 },
  scrapeMs: { below: 50 },
} as const;
const IN_FLIGHT = 64;
const CALL_MS = 30_000;
/** Of the first host's agents. */
const HUNG_SHARE = 0.1;
const SCRAPES = 10;
/** The daemon makes a page once a second at most. */
const SCRAPE_PAUSE_SECONDS = 1.1;
const SAMPLED_MS = 120_000;

const wait = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** @param results Where they go one after another: one that fails leaves those before it. */
async function measure(
  options: Readonly<Record<Option, number>>,
  results: Result[],
): Promise<void> {
  const { hosts, agents, calls, seconds } = options;
  const stage = await Stage.start({ hosts, agents });
  await using _stage = stage;
  printError(`${hosts * agents} agents are ready; idle for ${seconds} s …`);
  results.push({
    what: `${hosts} hosts with ${agents} agents each ready`,
    value: stage.readySeconds,
    unit: "s",
    limit: LIMITS.ready,
  });
  results.push(...await idle(stage, seconds));
  printError(`${calls} calls …`);
  const all = await stage.untilReady(hosts * agents);
  results.push(...await callRandom(stage, all, calls, ""));
  printError("metrics …");
  const page = await stage.serveMetrics();
  await untilSampled(page, agents);
  results.push(...await scrape(stage, page, agents, ""));
  const hung = Math.floor(agents * HUNG_SHARE);
  printError(`${hung} agents hang …`);
  const known = await stage.untilReady(hosts * agents);
  await stage.agents[0]?.hang(hung);
  await wait(seconds);
  const beside = ` beside ${hung} that hang`;
  results.push(...await scrape(stage, page, agents, beside));
  const healthy = known.filter((vm) => !isHung(vm, hung));
  results.push(...await callRandom(stage, healthy, calls, beside));
}

async function idle({ daemons }: Stage, seconds: number): Promise<Result[]> {
  const pids = daemons.map(({ pid }) => pid);
  const start = performance.now();
  const used = await processorTimes(pids, () => wait(seconds));
  const percent = Math.max(...used) / 10 / (performance.now() - start);
  const memory = await Promise.all(pids.map(readMemory));
  const residentMiB = Math.max(...memory.map(({ residentMiB }) => residentMiB));
  return [
    { what: "idle daemon, of a core", value: percent, unit: "%", limit: LIMITS.idlePercent },
    { what: "idle daemon, resident", value: residentMiB, unit: "MiB", limit: LIMITS.idleMiB },
  ];
}

async function callRandom(
  { client, daemons, server }: Stage,
  vms: readonly FleetVm[],
  calls: number,
  beside: string,
): Promise<Result[]> {
  const call = async () => {
    const vm = vms[Math.floor(Math.random() * vms.length)];
    if (vm === undefined) throw new Error("no VM");
    await client.call(vm, "ping", {}, { timeoutMs: CALL_MS });
  };
  // Daemons run for weeks: what the compiler takes for its first calls is not what a call takes.
  await makeCalls(calls, IN_FLIGHT, call);
  let load = { perSecond: Number.NaN, times: [] as readonly number[] };
  const pids = [Deno.pid, server.pid, ...daemons.map(({ pid }) => pid)];
  const used = await processorTimes(pids, async () => {
    load = await makeCalls(calls, IN_FLIGHT, call);
  });
  const [ofClient = Number.NaN, ofServer = Number.NaN, ...ofDaemons] = used;
  const what = `calls to random VMs${beside}`;
  return [
    { what, value: load.perSecond, unit: "/s", limit: LIMITS.perSecond },
    { what: `${what}, p50`, value: quantile(load.times, 0.5), unit: "ms" },
    { what: `${what}, p99`, value: quantile(load.times, 0.99), unit: "ms", limit: LIMITS.p99Ms },
    {
      what: `${what}, CPU of the daemons a call`,
      value: sum(ofDaemons) / calls,
      unit: "µs",
      limit: LIMITS.daemonUs,
    },
    { what: `${what}, CPU of the client a call`, value: ofClient / calls, unit: "µs" },
    { what: `${what}, CPU of the server a call`, value: ofServer / calls, unit: "µs" },
  ];
}

/** Waits until the page has a sample of every guest. */
async function untilSampled(page: string, agents: number): Promise<void> {
  const deadline = performance.now() + SAMPLED_MS;
  for (;;) {
    const text = await (await fetch(page)).text();
    const sampled = text.match(/^kvmmanager_guest_load1\{/gm)?.length ?? 0;
    if (sampled >= agents) return;
    if (performance.now() > deadline) throw new Error(`only ${sampled} of ${agents} are sampled`);
    await wait(SCRAPE_PAUSE_SECONDS);
  }
}

async function scrape(
  { daemons }: Stage,
  page: string,
  agents: number,
  beside: string,
): Promise<Result[]> {
  const pids = daemons.slice(0, 1).map(({ pid }) => pid);
  const times: number[] = [];
  const used: number[] = [];
  for (let scrapes = 0; scrapes < SCRAPES; scrapes++) {
    await wait(SCRAPE_PAUSE_SECONDS);
    const start = performance.now();
    used.push(sum(
      await processorTimes(pids, async () => {
        const reader = (await fetch(page)).body?.getReader();
        while (reader !== undefined && !(await reader.read()).done);
        times.push(performance.now() - start);
      }),
    ));
  }
  const what = `scrape of ${agents} VMs${beside}`;
  return [
    { what, value: median(times), unit: "ms", limit: LIMITS.scrapeMs },
    { what: `${what}, CPU of the daemon`, value: median(used) / 1000, unit: "ms" },
  ];
}

/** Whether {@link Stage.agents} of the first host make this one hang. */
const isHung = ({ host, name }: FleetVm, hung: number) =>
  host === "kvm1" && Number(name.slice("kvm1-".length)) < hung;

function wholeNumber(values: readonly string[], name: Option): number {
  const text = single(values, name);
  if (text === undefined) return DEFAULTS[name];
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} must be a whole number above 0, received "${text}"`);
}

async function main(): Promise<number> {
  try {
    const { hosts, agents, calls, seconds } = parseArgs(Deno.args, {
      string: OPTIONS,
      collect: OPTIONS,
      unknown: (argument, key) => refuseUnknown(argument, key),
    });
    const options = {
      hosts: wholeNumber(hosts, "hosts"),
      agents: wholeNumber(agents, "agents"),
      calls: wholeNumber(calls, "calls"),
      seconds: wholeNumber(seconds, "seconds"),
    };
    await requireTools(["nats-server"]);
    const results = await throughDaemon(options.calls);
    let isBroken = true;
    try {
      await measure(options, results);
    } finally {
      isBroken = printResults(results);
    }
    return isBroken ? EXIT.wrong : EXIT.ok;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof MissingToolsError)) throw error;
    printError(error.message);
    return error instanceof UsageError ? EXIT.usage : EXIT.unavailable;
  }
}

if (import.meta.main) Deno.exit(await main());
