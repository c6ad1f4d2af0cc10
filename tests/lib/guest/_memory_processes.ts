/**
 * Processes in memory.
 *
 * @module
 */

import { notFound } from "../../../lib/base/errors.ts";
import type { ProcessSignal } from "../../../lib/policy/process_signals.ts";
import type {
  Process,
  Processes,
  ProcessIdentity,
  ProcessPage,
  ProcessQuery,
} from "../../../lib/guest/processes.ts";

/** A process with this number, and whatever else a test chooses. */
export const processWith = (pid: number, more: Partial<Process> = {}): Process => ({
  pid,
  startTicks: 100 + pid,
  parentPid: 1,
  name: `p${pid}`,
  state: "sleeping",
  uid: 1000,
  threads: 1,
  cpuSeconds: 0.5,
  residentBytes: 4096,
  virtualBytes: 8192,
  startedAt: 1_700_000_000,
  ...more,
});

/** Processes sorted by number; signals are only remembered. */
export class MemoryProcesses implements Processes {
  readonly queries: ProcessQuery[] = [];
  readonly signals: (ProcessIdentity & { readonly signal: ProcessSignal })[] = [];

  /** Those that belong to another user. */
  foreign: readonly number[] = [];

  constructor(readonly processes: readonly Process[]) {}

  list(query: ProcessQuery): Promise<ProcessPage> {
    this.queries.push(query);
    const after = Number(query.cursor ?? 0);
    const following = this.processes.filter(({ pid }) => pid > after);
    return Promise.resolve({
      processes: following.slice(0, query.limit).map((one) => ({ ...one, cursor: `${one.pid}` })),
      total: this.processes.length,
      hasMore: following.length > query.limit,
    });
  }

  send(process: ProcessIdentity, signal: ProcessSignal): Promise<"sent" | "foreign"> {
    const isThere = this.processes.some(({ pid, startTicks }) =>
      pid === process.pid && startTicks === process.startTicks
    );
    if (!isThere) return Promise.reject(notFound(`process ${process.pid} has ended`));
    if (this.foreign.includes(process.pid)) return Promise.resolve("foreign");
    this.signals.push({ pid: process.pid, startTicks: process.startTicks, signal });
    return Promise.resolve("sent");
  }
}
