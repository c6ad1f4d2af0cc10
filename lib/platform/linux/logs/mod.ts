/**
 * The logs of a Linux guest: text files and systemd's journal.
 *
 * @module
 */

import type { Files } from "../../../guest/files.ts";
import type {
  JournalEntries,
  JournalPosition,
  JournalSource,
  LogFiles,
  LogLines,
  LogPosition,
  Logs,
} from "../../../guest/logs.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import { findLogFiles } from "./find_log_files.ts";
import { Journal } from "./journal.ts";
import { LogFileReader } from "./log_file.ts";

/** The logs of a Linux guest. */
export class LinuxLogs implements Logs {
  readonly #files: Files;
  readonly #reader: LogFileReader;
  readonly #journal: Journal;

  /** @param files Opens and lists files without following links. */
  constructor(files: Files, journal = new Journal()) {
    this.#files = files;
    this.#reader = new LogFileReader(files);
    this.#journal = journal;
  }

  readFile(path: AllowedPath, position: LogPosition, signal: AbortSignal): Promise<LogLines> {
    return this.#reader.read(path, position, signal);
  }

  fileChange(path: AllowedPath, cursor: string, signal: AbortSignal): Promise<void> {
    return this.#reader.change(path, cursor, signal);
  }

  readJournal(
    source: JournalSource,
    position: JournalPosition,
    signal: AbortSignal,
  ): Promise<JournalEntries> {
    return this.#journal.read(source, position, signal);
  }

  journalChange(source: JournalSource, cursor: string, signal: AbortSignal): Promise<void> {
    return this.#journal.change(source, cursor, signal);
  }

  files(roots: readonly string[], limit: number, signal: AbortSignal): Promise<LogFiles> {
    return findLogFiles(this.#files, { roots, limit, signal });
  }

  units(limit: number, signal: AbortSignal): Promise<readonly string[] | undefined> {
    return this.#journal.units(limit, signal);
  }
}
