/**
 * Parses what the scripts in `scripts.ts` print.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import type { Process, ProcessState } from "../../../guest/processes.ts";

/** The kernel counts in hundredths of a second, whatever its own frequency (time(7), USER_HZ). */
const TICKS_PER_SECOND = 100;
const BYTES_PER_KB = 1024;

/** The letters of proc(5). */
const STATES: Readonly<Record<string, ProcessState>> = {
  R: "running",
  S: "sleeping",
  D: "disk_sleep",
  I: "idle",
  T: "stopped",
  t: "traced",
  Z: "zombie",
  X: "dead",
};

/** A process and the cursor that continues after it. */
export type ListedProcess = Process & { readonly cursor: string };

/**
 * Parses a page of processes.
 *
 * @throws {RpcError} -32000 if the first line is missing: /proc cannot be read.
 */
export function parsePage(text: string): { processes: ListedProcess[]; total: number } {
  const [first = "", ...lines] = text.split("\n");
  const [, total, bootTime] = first.split("\t");
  if (total === undefined || bootTime === undefined) {
    throw commandFailed("the guest's processes cannot be listed");
  }
  return {
    total: Number(total),
    processes: lines.filter((line) => line !== "").map((line) => parseLine(line, Number(bootTime))),
  };
}

function parseLine(line: string, bootTime: number): ListedProcess {
  const [key = "", pid = "", start, parent, state = "", uid, user = "", threads, cpu, ...rest] =
    line
      .split("\t");
  const [resident, virtual, name = ""] = rest;
  const startTicks = Number(start);
  return {
    pid: Number(pid),
    startTicks,
    parentPid: Number(parent),
    name,
    state: STATES[state] ?? "unknown",
    uid: Number(uid),
    ...(user === "" ? {} : { user }),
    threads: Number(threads),
    cpuSeconds: Number(cpu) / TICKS_PER_SECOND,
    residentBytes: Number(resident) * BYTES_PER_KB,
    virtualBytes: Number(virtual) * BYTES_PER_KB,
    startedAt: Math.floor(bootTime + startTicks / TICKS_PER_SECOND),
    cursor: `${key}:${pid}`,
  };
}

/**
 * Parses command lines.
 *
 * @param mostBytes How many bytes of each were read at most.
 */
export function parseArguments(
  text: string,
  mostBytes: number,
): Map<number, Pick<Process, "arguments" | "argumentsTruncated">> {
  const found = new Map<number, Pick<Process, "arguments" | "argumentsTruncated">>();
  for (const section of text.split(/^pid /m).slice(1)) {
    const end = section.indexOf("\n");
    const bytes = Uint8Array.fromHex(section.slice(end).replaceAll(/\s+/g, ""));
    // Kernel threads have none.
    if (bytes.byteLength === 0) continue;
    const truncated = bytes.byteLength >= mostBytes;
    found.set(Number(section.slice(0, end)), {
      arguments: new TextDecoder().decode(bytes).replace(/\0$/, "").split("\0"),
      ...(truncated ? { argumentsTruncated: true } : {}),
    });
  }
  return found;
}
