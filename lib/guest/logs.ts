/**
 * The guest's logs: the interface that every platform implements.
 *
 * A cursor says where a reader is. The host keeps it and passes it back, so the guest keeps nothing
 * for its readers.
 *
 * @module
 */

import type { AllowedPath } from "../policy/paths.ts";

/** How much an answer may contain. */
export interface LogLimits {
  /** The maximum number of lines or entries. */
  readonly lines: number;
  /** The maximum bytes of JSON that they take together. */
  readonly jsonBytes: number;
}

/** Data that a cursor pointed to no longer exists. */
export interface LogGap {
  /** What happened to it. */
  readonly reason: string;
  /** How many entries are missing at most; absent if nobody knows. */
  readonly atMostEntries?: number;
}

/** Where to read. */
export interface LogPosition {
  /** Where the last read ended; without it the last lines are read. */
  readonly cursor: string | undefined;
  readonly limits: LogLimits;
}

/** Lines of a log file. */
export interface LogLines {
  readonly lines: readonly string[];
  /** Where the next read begins. */
  readonly cursor: string;
  /** Whether the first line continues the last line of the read before. */
  readonly isContinued: boolean;
  /** Whether the last line is incomplete: it is long, or it is still being written. */
  readonly isCut: boolean;
  readonly gap?: LogGap;
}

/** A part of the system's journal. */
export type JournalSource =
  | { readonly kind: "unit"; readonly unit: string }
  | { readonly kind: "kernel" };

/** Where to read in the journal. */
export interface JournalPosition extends LogPosition {
  /** Without a cursor: reads from this time on, in seconds since 1970, instead of the last lines. */
  readonly since: number | undefined;
}

/** An entry of the journal. */
export interface JournalEntry {
  /** Seconds since 1970, with microseconds. */
  readonly time: number;
  /** 0 (emergency) to 7 (debug), as in syslog(3); absent if the entry has none. */
  readonly priority?: number;
  readonly unit?: string;
  /** The program's name in syslog. */
  readonly identifier?: string;
  readonly pid?: number;
  readonly message: string;
  /** Whether the message had more than this. */
  readonly cut?: boolean;
}

/** Entries of the journal. */
export interface JournalEntries {
  readonly entries: readonly JournalEntry[];
  /** Where the next read begins. */
  readonly cursor: string;
  readonly gap?: LogGap;
}

/** A log file. */
export interface LogFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Whole seconds since 1970-01-01 UTC. */
  readonly modifiedAt: number;
}

/** The log files of a guest. */
export interface LogFiles {
  readonly files: readonly LogFile[];
  /** Whether there are more than were listed. */
  readonly isPartial: boolean;
}

/** The logs of the guest. All methods throw what {@link Files} throws, and -32602 for a bad cursor. */
export interface Logs {
  /**
   * Reads lines, following the log through rotation: from the file that the cursor was in, then
   * from the files after it, up to the current one.
   *
   * @throws {RpcError} -32000 for a file that is not text.
   */
  readFile(path: AllowedPath, position: LogPosition, signal: AbortSignal): Promise<LogLines>;
  /** Resolves when {@link readFile} has something to read, or after the abort of the signal. */
  fileChange(path: AllowedPath, cursor: string, signal: AbortSignal): Promise<void>;
  /**
   * Reads entries of the journal.
   *
   * @throws {RpcError} -32000 if the guest keeps no journal, -32001 if the agent may not read it.
   */
  readJournal(
    source: JournalSource,
    position: JournalPosition,
    signal: AbortSignal,
  ): Promise<JournalEntries>;
  /** Resolves when {@link readJournal} has something to read, or after the abort of the signal. */
  journalChange(source: JournalSource, cursor: string, signal: AbortSignal): Promise<void>;
  /** The log files inside these paths. */
  files(roots: readonly string[], limit: number, signal: AbortSignal): Promise<LogFiles>;
  /** The units with entries in the journal; `undefined` if the agent can read no journal. */
  units(limit: number, signal: AbortSignal): Promise<readonly string[] | undefined>;
}
