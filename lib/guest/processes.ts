/**
 * The guest's processes: the interface that every platform implements.
 *
 * @module
 */

import type { ProcessSignal } from "../policy/process_signals.ts";

/** What a process is doing; `unknown` is for states that a newer kernel may add. */
export const PROCESS_STATES = [
  "running",
  "sleeping",
  "disk_sleep",
  "idle",
  "stopped",
  "traced",
  "zombie",
  "dead",
  "unknown",
] as const;

/** One of {@link PROCESS_STATES}. */
export type ProcessState = (typeof PROCESS_STATES)[number];

/** What a list of processes may be sorted by: `cpu` and `memory` put the largest first. */
export const PROCESS_ORDERS = ["pid", "cpu", "memory"] as const;

/** One of {@link PROCESS_ORDERS}. */
export type ProcessOrder = (typeof PROCESS_ORDERS)[number];

/** A process id may be used again; with the time of its start it names one process for ever. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Hundredths of a second between the guest's start and the process's. */
  readonly startTicks: number;
}

/** A process. */
export interface Process extends ProcessIdentity {
  readonly parentPid: number;
  /** The kernel's name for it, at most 15 bytes; control characters are replaced. */
  readonly name: string;
  readonly state: ProcessState;
  readonly uid: number;
  /** Absent for a user that is not in the guest's own list. */
  readonly user?: string;
  readonly threads: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly virtualBytes: number;
  /** Seconds since 1970-01-01 UTC. */
  readonly startedAt: number;
  /** Its command line; secrets may be in it. Absent unless asked for, and if it cannot be read. */
  readonly arguments?: readonly string[];
  /** Whether the command line is longer. */
  readonly argumentsTruncated?: boolean;
}

/** Which processes to list. */
export interface ProcessQuery {
  readonly pid?: number;
  /** A user's name or number. */
  readonly user?: string;
  /** The exact name of the process. */
  readonly name?: string;
  readonly order: ProcessOrder;
  /** Where the page before this one ended. */
  readonly cursor?: string;
  /** The maximum number of processes. */
  readonly limit: number;
  /** Whether to read command lines, of at most a hundred processes. */
  readonly withArguments: boolean;
  readonly signal: AbortSignal;
}

/** A page of processes. */
export interface ProcessPage {
  /** Each with the cursor that continues after it. */
  readonly processes: readonly (Process & { readonly cursor: string })[];
  /** How many match in all. */
  readonly total: number;
  /** Whether more follow. */
  readonly hasMore: boolean;
}

/** The processes of the guest. */
export interface Processes {
  /** @throws {RpcError} -32602 for a malformed cursor. */
  list(query: ProcessQuery): Promise<ProcessPage>;
  /**
   * Sends a signal to one process.
   *
   * @returns `foreign` for another user's process, to which nothing is sent.
   * @throws {RpcError} -32002 if it is gone, even if another has its number; -32001 for the agent
   * itself and the first process.
   */
  send(
    process: ProcessIdentity,
    signal: ProcessSignal,
    abort: AbortSignal,
  ): Promise<"sent" | "foreign">;
}
