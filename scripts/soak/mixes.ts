/**
 * Mixes of loads, and the memory that an agent takes under them. The worst ones that
 * `deno task soak --search` has found are kept in worst_mixes.json; the next search begins with them.
 *
 * @module
 */

import * as z from "zod";
import { closeQuietly } from "../../lib/base/close_quietly.ts";
import { readMemory } from "../bench/proc.ts";
import type { Scratch } from "../bench/scratch.ts";
import { startAgent } from "./agent.ts";
import { LOADS, prepareLoads, type Site } from "./loads.ts";

/** A mix is over once no answer has arrived for this long … */
const QUIET_MS = 1500;
/** … or after this long in total. */
const MOST_MS = 20_000;
const PATH = new URL("worst_mixes.json", import.meta.url);

const Part = z.strictObject({
  load: z.enum(LOADS.map(({ name }) => name)),
  count: z.int().check(z.positive()),
  size: z.int().check(z.positive()),
});

const MixSchema = z.strictObject({
  /** Whether the rate limit is the default or effectively off. */
  isRateLifted: z.boolean(),
  /** Whether the host reads the answers. */
  isRead: z.boolean(),
  parts: z.array(Part).check(z.minLength(1)),
});

/** Loads that are sent at the same time. */
export type Mix = z.output<typeof MixSchema>;
/** One load of a mix: how many lines or programs, and how large each is. */
export type Part = z.output<typeof Part>;

const Kept = z.array(z.strictObject({ peakMiB: z.number(), mix: MixSchema }));

/** A mix and the peak that was measured when it was found. */
export type KeptMix = z.output<typeof Kept>[number];

/** The worst mixes that have been found, worst first. */
export async function worstMixes(): Promise<KeptMix[]> {
  return z.parse(Kept, JSON.parse(await Deno.readTextFile(PATH)));
}

/** Replaces the mixes that are kept. */
export async function keepMixes(kept: readonly KeptMix[]): Promise<void> {
  await Deno.writeTextFile(PATH, `${JSON.stringify(kept, null, 2)}\n`);
}

/** A mix in a few words, for a table. */
export function describeMix({ isRateLifted, isRead, parts }: Mix): string {
  return [
    parts.map(({ load, count, size }) => `${count} ${load} (${size})`).join(" + "),
    ...(isRateLifted ? ["no rate limit"] : []),
    ...(isRead ? [] : ["answers unread"]),
  ].join(", ");
}

/** Starts an agent, sends it a mix, and returns the most memory it has taken, in MiB. */
export async function peakUnder(mix: Mix, scratch: Scratch): Promise<number> {
  const agent = await startAgent(
    scratch,
    mix.isRateLifted ? { max_requests_per_second: 10_000_000 } : {},
  );
  await prepareLoads(agent);
  const wire = await agent.connect();
  using _wire = wire;
  const programs: Deno.UnixConn[] = [];
  let lastMs = performance.now();
  let isOver = false;
  const reading = mix.isRead
    ? (async () => {
      try {
        while (!isOver) {
          await wire.readLine();
          lastMs = performance.now();
        }
      } catch {
        // Closed below.
      }
    })()
    : Promise.resolve();
  const end = performance.now() + MOST_MS;
  const sending = Promise.all([
    wire.send(hostText(mix, agent)).catch(() => {}),
    ...mix.parts.map((part) => sendPrograms(part, agent, programs)),
  ]).then(() => lastMs = performance.now());
  let sent = false;
  void sending.then(() => sent = true);
  while (performance.now() < end && !(sent && performance.now() - lastMs > QUIET_MS)) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  isOver = true;
  const { peakMiB } = await readMemory(agent.pid);
  for (const program of programs) closeQuietly(program);
  wire[Symbol.dispose]();
  await Promise.all([reading, sending]);
  await scratch.stop(agent.child);
  // An agent that has died exceeded its memory.
  return Number.isNaN(peakMiB) ? Infinity : peakMiB;
}

const loadOf = (part: Part) => LOADS.find(({ name }) => name === part.load);

/** All lines of the host, the parts taking turns. */
function hostText(mix: Mix, site: Site): string {
  const parts = mix.parts.filter((part) => loadOf(part)?.sender === "host");
  const most = Math.max(0, ...parts.map(({ count }) => count));
  let lines = "";
  let id = 0;
  for (let turn = 0; turn < most; turn++) {
    for (const part of parts) {
      if (turn < part.count) lines += `${loadOf(part)?.line(++id, part.size, site)}\n`;
    }
  }
  return lines;
}

async function sendPrograms(
  part: Part,
  site: Site & { readonly monitor: string },
  programs: Deno.UnixConn[],
): Promise<void> {
  const load = loadOf(part);
  if (load?.sender !== "programs") return;
  const bytes = new TextEncoder().encode(load.line(0, part.size, site));
  await Promise.all(Array.from({ length: part.count }, async () => {
    try {
      const program = await Deno.connect({ transport: "unix", path: site.monitor });
      programs.push(program);
      for (let sent = 0; sent < bytes.byteLength;) {
        sent += await program.write(bytes.subarray(sent));
      }
    } catch {
      // The monitor has refused this one.
    }
  }));
}
