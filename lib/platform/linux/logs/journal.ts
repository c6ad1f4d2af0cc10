/**
 * Reads the journal with journalctl(1), one process for each read.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import type {
  JournalEntries,
  JournalEntry,
  JournalPosition,
  JournalSource,
  LogGap,
} from "../../../guest/logs.ts";
import { isExecutableFile, PROGRAM_DIRECTORIES } from "../programs.ts";
import { entryBytes, fitEntry } from "./journal_entries.ts";
import {
  checkUnit,
  entriesBetween,
  journalCursor,
  type JournalPoint,
  parseJournalCursor,
  sourceArguments,
} from "./journal_cursor.ts";
import { Journalctl } from "./journalctl.ts";

/** How the journal is read. */
export interface JournalOptions {
  /** Where journalctl is searched. @default the system's directories for programs */
  readonly directories?: readonly string[];
}

/** The journal of the guest. */
export class Journal {
  readonly #directories: readonly string[];

  constructor({ directories = PROGRAM_DIRECTORIES }: JournalOptions = {}) {
    this.#directories = directories;
  }

  /** As `readJournal` of {@link Logs}. */
  async read(
    source: JournalSource,
    { cursor, since, limits }: JournalPosition,
    signal: AbortSignal,
  ): Promise<JournalEntries> {
    const program = this.#program(source);
    const point = cursor === undefined ? undefined : await parseJournalCursor(source, cursor);
    const startedAt = Date.now() * 1000;
    const entries: JournalEntry[] = [];
    let last = point;
    let gap: LogGap | undefined;
    let left = limits.jsonBytes;
    const args = [...sourceArguments(source), ...pointArguments(point, since, limits.lines)];
    await using reading = new Journalctl(program, args, signal);
    for (let isFirst = true; entries.length < limits.lines; isFirst = false) {
      const printed = await reading.next();
      if (printed === undefined) break;
      if (isFirst && point?.kind === "entry") {
        if (printed.cursor === point.cursor) continue;
        gap = gapBetween(point.cursor, printed.cursor);
      }
      const bytes = entryBytes(printed.entry);
      if (bytes > left && entries.length > 0) break;
      entries.push(bytes > left ? fitEntry(printed.entry, left) : printed.entry);
      left -= bytes;
      last = { kind: "entry", cursor: printed.cursor };
      if (left <= 0) break;
    }
    return {
      entries,
      cursor: await journalCursor(source, last ?? { kind: "time", microseconds: startedAt }),
      ...(gap === undefined ? {} : { gap }),
    };
  }

  /** As `journalChange` of {@link Logs}. */
  async change(source: JournalSource, cursor: string, signal: AbortSignal): Promise<void> {
    const program = this.#program(source);
    const point = await parseJournalCursor(source, cursor);
    const args = [...sourceArguments(source), ...pointArguments(point, undefined, 1)];
    await using reading = new Journalctl(program, ["--follow", "--no-tail", ...args], signal);
    for (;;) {
      const printed = await reading.next();
      if (printed === undefined) return;
      if (point.kind !== "entry" || printed.cursor !== point.cursor) return;
    }
  }

  /** As `units` of {@link Logs}. */
  async units(limit: number, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const program = this.#find();
    if (program === undefined) return undefined;
    await using reading = new Journalctl(program, ["--field=_SYSTEMD_UNIT"], signal);
    const units: string[] = [];
    while (units.length < limit) {
      const line = await reading.line();
      if (line === undefined) break;
      units.push(line.text);
    }
    return reading.isRefused ? undefined : units.sort();
  }

  #program(source: JournalSource): string {
    if (source.kind === "unit") checkUnit(source.unit);
    const program = this.#find();
    if (program !== undefined) return program;
    throw commandFailed(
      "this guest has no journalctl, so it keeps no journal; read a log file by its path instead",
    );
  }

  #find(): string | undefined {
    return this.#directories.map((one) => `${one}/journalctl`).find(isExecutableFile);
  }
}

function pointArguments(
  point: JournalPoint | undefined,
  since: number | undefined,
  lines: number,
): string[] {
  // The entry of the cursor is printed as well: that proves that nothing after it is gone.
  if (point?.kind === "entry") return [`--cursor=${point.cursor}`];
  if (point !== undefined) return [`--since=@${(point.microseconds / 1e6).toFixed(6)}`];
  if (since !== undefined) return [`--since=@${since.toFixed(6)}`];
  return [`--lines=${lines}`];
}

function gapBetween(before: string, after: string): LogGap {
  const atMostEntries = entriesBetween(before, after);
  const reason = "the journal has dropped the oldest entries";
  return atMostEntries === undefined ? { reason } : { reason, atMostEntries };
}
