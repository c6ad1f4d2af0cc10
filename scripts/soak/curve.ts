/**
 * What the agent holds during a soak: sampled, printed, judged and drawn.
 *
 * @module
 */

import { printLine } from "../../lib/base/terminal.ts";
import { childrenOf, countDescriptors, countThreads, readMemory } from "../bench/proc.ts";

/** What a process holds at one moment. */
export interface Sample {
  readonly phase: string;
  /** Seconds since the soak began. */
  readonly seconds: number;
  readonly residentMiB: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly children: number;
}

/** The budget of the agent (protocol, "Resource Limits"). */
export const BUDGET_MIB = 50;

const BAR_CHARACTERS = 40;

/** The samples of one process. */
export class Curve {
  readonly samples: Sample[] = [];
  readonly #start = performance.now();

  constructor(readonly pid: number) {}

  /** Takes a sample and prints it. */
  async sample(phase: string): Promise<Sample> {
    const [{ residentMiB }, descriptors, threads, children] = await Promise.all([
      readMemory(this.pid),
      countDescriptors(this.pid),
      countThreads(this.pid),
      childrenOf(this.pid),
    ]);
    const seconds = (performance.now() - this.#start) / 1000;
    const one = {
      phase,
      seconds,
      residentMiB,
      descriptors,
      threads,
      children: children.length,
    };
    this.samples.push(one);
    const bar = "#".repeat(Math.round(residentMiB / BUDGET_MIB * BAR_CHARACTERS));
    const counts = `${descriptors} fd, ${threads} threads, ${children.length} children`;
    printLine(
      `${seconds.toFixed(0).padStart(5)} s ${residentMiB.toFixed(1)} MiB ` +
        `|${bar.padEnd(BAR_CHARACTERS)}| ${counts}  ${phase}`,
    );
    return one;
  }

  /** The peak memory according to the kernel, in MiB. */
  async peakMiB(): Promise<number> {
    return (await readMemory(this.pid)).peakMiB;
  }
}

const WIDTH = 800;
const HEIGHT = 300;
const LEFT = 50;
const BOTTOM = 40;
const TOP = 20;
const RIGHT = 10;
const GRID_MIB = 10;

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Resident memory over time as an SVG image, with the phases below and the budget above. */
export function drawCurve(samples: readonly Sample[]): string {
  const end = Math.max(1, samples.at(-1)?.seconds ?? 1);
  const x = (seconds: number) => LEFT + seconds / end * (WIDTH - LEFT - RIGHT);
  const y = (mib: number) => HEIGHT - BOTTOM - mib / (BUDGET_MIB + 5) * (HEIGHT - BOTTOM - TOP);
  const point = ({ seconds, residentMiB }: Sample) =>
    `${x(seconds).toFixed(1)},${y(residentMiB).toFixed(1)}`;
  const grid = Array.from({ length: BUDGET_MIB / GRID_MIB + 1 }, (_, index) => index * GRID_MIB);
  const phases = [...new Set(samples.map(({ phase }) => phase))].map((phase) => ({
    phase,
    from: samples.find((one) => one.phase === phase)?.seconds ?? 0,
  }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
    `font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    ...grid.map((mib) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(mib)}" y2="${y(mib)}" ` +
      `stroke="${mib === BUDGET_MIB ? "#c00" : "#ddd"}"/>` +
      `<text x="${LEFT - 5}" y="${y(mib) + 4}" text-anchor="end">${mib}</text>`
    ),
    `<text x="${LEFT}" y="${TOP - 6}">resident memory in MiB; the budget is ${BUDGET_MIB}</text>`,
    ...phases.map(({ phase, from }, index) =>
      `<line x1="${x(from)}" x2="${x(from)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" ` +
      `stroke="#999" stroke-dasharray="3"/>` +
      `<text x="${x(from) + 2}" y="${HEIGHT - BOTTOM + 14 + index % 2 * 13}">` +
      `${escaped(phase)}</text>`
    ),
    `<polyline points="${samples.map(point).join(" ")}" fill="none" stroke="#06c" ` +
    `stroke-width="1.5"/>`,
    `<text x="${WIDTH - RIGHT}" y="${TOP - 6}" text-anchor="end">${end.toFixed(0)} s</text>`,
    "</svg>",
    "",
  ].join("\n");
}
