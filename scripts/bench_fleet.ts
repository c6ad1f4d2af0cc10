/**
 * `deno task bench:fleet`: one pool and a thousand agents. Prints what the host's side takes; exits
 * with 1 if a limit is exceeded.
 *
 *     deno task bench:fleet [--agents N] [--seconds S]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import type { PoolAgent } from "../host/member.ts";
import { AgentPool } from "../host/pool.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { Fleet } from "./bench/fleet/fleet.ts";
import { cpuMicroseconds, readCpuTimes, readMemory } from "./bench/proc.ts";
import { quantile } from "./bench/stats.ts";

const EXIT = { ok: 0, failed: 1, usage: 64 } as const;
const DEFAULTS = { agents: 1000, seconds: 30 } as const;
/** The limits that the host's side must keep. */
const LIMITS = { describedSeconds: 10, idlePercent: 5, idleMiB: 250, p99Ms: 50 } as const;
const GIVE_UP_MS = 120_000;
/** Calls a second to healthy agents while others misbehave. */
const CALLS_PER_SECOND = 200;
/** A tenth hangs, a tenth flaps. */
const TROUBLED_SHARE = 0.1;

interface Result {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly limit?: number;
}

const wait = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

const isDescribed = ({ state, info, system }: PoolAgent) =>
  state === "ready" && info !== undefined && system !== undefined;

async function measure(count: number, seconds: number): Promise<Result[]> {
  const fleet = await Fleet.start(count);
  await using _fleet = fleet;
  const start = performance.now();
  const pool = await AgentPool.open({ searchPaths: [fleet.directory] });
  await using _pool = pool;
  await untilAll(pool, count);
  const described = (performance.now() - start) / 1000;
  printError(`${count} agents described after ${described.toFixed(2)} s; idle for ${seconds} s …`);

  const idle = await cpuDuring(() => wait(seconds));
  const idleMemory = await readMemory(Deno.pid);
  printError("calling a pool of healthy agents …");
  const well = await latencies(pool.agents, seconds / 3);

  const troubled = Math.floor(count * TROUBLED_SHARE);
  printError(`${troubled} hang and ${troubled} flap …`);
  await fleet.behave({ hanging: troubled, flapping: troubled });
  await wait(seconds / 3);
  const healthy = pool.agents.filter(({ name }) => isHealthy(name, count, troubled));
  const troubledLatencies = await latencies(healthy, seconds);
  const memory = await readMemory(Deno.pid);
  return [
    {
      what: "all connected and described",
      value: described,
      unit: "s",
      limit: LIMITS.describedSeconds,
    },
    { what: "idle pool, of a core", value: idle, unit: "%", limit: LIMITS.idlePercent },
    {
      what: "idle pool, resident",
      value: idleMemory.residentMiB,
      unit: "MiB",
      limit: LIMITS.idleMiB,
    },
    { what: "ping p50, all healthy", value: quantile(well, 0.5), unit: "ms" },
    { what: "ping p99, all healthy", value: quantile(well, 0.99), unit: "ms", limit: LIMITS.p99Ms },
    {
      what: `ping p50, ${troubled} hang and ${troubled} flap`,
      value: quantile(troubledLatencies, 0.5),
      unit: "ms",
    },
    {
      what: `ping p99, ${troubled} hang and ${troubled} flap`,
      value: quantile(troubledLatencies, 0.99),
      unit: "ms",
      limit: LIMITS.p99Ms,
    },
    { what: "resident at the end", value: memory.residentMiB, unit: "MiB", limit: LIMITS.idleMiB },
  ];
}

async function untilAll(pool: AgentPool, count: number): Promise<void> {
  const deadline = performance.now() + GIVE_UP_MS;
  const described = () => pool.agents.filter(isDescribed).length;
  while (described() < count) {
    if (performance.now() > deadline) {
      throw new Error(`only ${described()} of ${count} agents are described after 120 s`);
    }
    await wait(0.02);
  }
}

/** The share of a core that this process used meanwhile, in percent. */
async function cpuDuring(work: () => Promise<unknown>): Promise<number> {
  const [before, start] = [await readCpuTimes(Deno.pid), performance.now()];
  await work();
  const microseconds = cpuMicroseconds(before, await readCpuTimes(Deno.pid));
  return microseconds / 10 / (performance.now() - start);
}

/** Round trips in milliseconds to random agents; a failed call counts as infinite. */
async function latencies(agents: readonly PoolAgent[], seconds: number): Promise<number[]> {
  const times: number[] = [];
  const calls: Promise<void>[] = [];
  const deadline = performance.now() + seconds * 1000;
  while (performance.now() < deadline) {
    const agent = agents[Math.floor(Math.random() * agents.length)];
    if (agent !== undefined) {
      calls.push((async () => {
        const start = performance.now();
        const isAnswered = await agent.call("ping").then(() => true, () => false);
        times.push(isAnswered ? performance.now() - start : Number.POSITIVE_INFINITY);
      })());
    }
    await wait(1 / CALLS_PER_SECOND);
  }
  await Promise.all(calls);
  return times;
}

/** Whether {@link Fleet.behave} leaves the agent alone: it affects the first of each half. */
function isHealthy(name: string, count: number, troubled: number): boolean {
  const half = Math.ceil(count / 2);
  return Number(name.slice("vm".length)) % half >= troubled;
}

function print(results: readonly Result[]): boolean {
  const isBroken = ({ value, limit }: Result) => limit !== undefined && !(value < limit);
  printLine("| what | measured | limit | |\n| ---- | -------: | ----: | --- |");
  for (const result of results) {
    const { what, value, unit, limit } = result;
    const allowed = limit === undefined ? "" : `< ${limit} ${unit}`;
    printLine(
      `| ${what} | ${value.toFixed(2)} ${unit} | ${allowed} | ${
        isBroken(result) ? "BROKEN" : "ok"
      } |`,
    );
  }
  return results.some(isBroken);
}

function wholeNumber(values: readonly string[], name: string, otherwise: number): number {
  const text = single(values, name);
  if (text === undefined) return otherwise;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} must be a whole number above 0, received "${text}"`);
}

async function main(): Promise<number> {
  try {
    const { agents, seconds } = parseArgs(Deno.args, {
      string: ["agents", "seconds"],
      collect: ["agents", "seconds"],
      unknown: (argument, key) => refuseUnknown(argument, key),
    });
    const results = await measure(
      wholeNumber(agents, "agents", DEFAULTS.agents),
      wholeNumber(seconds, "seconds", DEFAULTS.seconds),
    );
    return print(results) ? EXIT.failed : EXIT.ok;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    printError(error.message);
    return EXIT.usage;
  }
}

if (import.meta.main) Deno.exit(await main());
