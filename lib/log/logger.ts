/**
 * The agent's log: JSON lines, one object each, to standard error or a file.
 *
 * Logging never blocks the agent and never fails: lines wait in a bounded queue, and if the target
 * does not accept them (a full disk, a stopped reader) they are dropped and counted. Control
 * characters are escaped, so a line is safe to show in a terminal.
 *
 * @module
 */

import { jsonLine } from "../base/json_line.ts";
import { messageOf } from "../base/message_of.ts";
import { LOG_LEVELS, type LogLevel } from "../config/schema.ts";
import { withTimer } from "../base/waiting.ts";
import { writeAll } from "../base/write_all.ts";
import { utcTime } from "../base/utc_time.ts";

/** The fields of a line besides time, level and message. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The log as the agent's parts see it. */
export interface Log {
  /** Whether lines of this level are written: check before building an expensive one. */
  isLogged(level: LogLevel): boolean;
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  trace(message: string, fields?: LogFields): void;
}

/** Where lines are written. */
export interface LogTarget {
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

const MAX_QUEUED_CHARACTERS = 256 * 1024;
const encoder = new TextEncoder();

/** How long opening the log file may take. */
const OPEN_MS = 5000;

/**
 * Opens the log file for appending; its owner and group can read it. Opening a FIFO that no process
 * reads would never end (fifo(7)), nor would that of a file of a server that does not answer.
 *
 * @throws {Error} if it cannot be opened within {@link OPEN_MS}.
 */
async function openLogFile(path: string): Promise<LogTarget> {
  let file: Deno.FsFile | undefined;
  let isLate = false;
  const opening = Deno.open(path, { append: true, create: true, mode: 0o640 }).then((opened) => {
    if (isLate) opened.close();
    else file = opened;
  });
  // What fails later than that is of no interest.
  opening.catch(() => {});
  await withTimer(OPEN_MS, opening);
  if (file !== undefined) return file;
  isLate = true;
  throw new Error(
    `opening it took longer than ${OPEN_MS / 1000} s; is it a FIFO that no process reads?`,
  );
}

/** The process's standard error, which stays open; under systemd that is the journal. */
export const STANDARD_ERROR: LogTarget = {
  write: (bytes) => Deno.stderr.write(bytes),
  close: () => {},
};

/** A log with a level, a target that can be reopened, and a bounded queue. */
export class Logger implements Log {
  #target: LogTarget;
  readonly #file: string | null;
  #threshold: number;
  #queue = "";
  #dropped = 0;
  #writing: Promise<void> | undefined;
  #isHeld = false;
  /** Also gets what is logged as an error. */
  onError: ((message: string, fields?: LogFields) => void) | undefined;

  private constructor(level: LogLevel, target: LogTarget, file: string | null) {
    this.#threshold = LOG_LEVELS.indexOf(level);
    this.#target = target;
    this.#file = file;
  }

  /** A log that writes to `target`. */
  static to(target: LogTarget, level: LogLevel): Logger {
    return new Logger(level, target, null);
  }

  /**
   * A log that appends to `file`, or writes to standard error if that is `null` or cannot be
   * opened: an agent without its log file is better than no agent. In that case the first line says
   * so.
   */
  static async open(file: string | null, level: LogLevel): Promise<Logger> {
    if (file === null) return new Logger(level, STANDARD_ERROR, null);
    try {
      return new Logger(level, await openLogFile(file), file);
    } catch (error) {
      const log = new Logger(level, STANDARD_ERROR, null);
      log.warn("cannot open the log file; logging to standard error", {
        log_file: file,
        error: messageOf(error),
      });
      return log;
    }
  }

  /**
   * Whether lines are kept in memory, because writing could wait for a frozen file system; they are
   * written when this becomes false.
   */
  set isHeld(isHeld: boolean) {
    this.#isHeld = isHeld;
    if (!isHeld && this.#queue !== "") this.#writing ??= this.#drain();
  }

  /** Changes the level for new lines. */
  set level(level: LogLevel) {
    this.#threshold = LOG_LEVELS.indexOf(level);
  }

  /** Reopens the log file after logrotate has moved it; does nothing if there is no file. */
  async reopen(): Promise<void> {
    if (this.#file === null || this.#isHeld) return;
    await this.flush();
    try {
      const target = await openLogFile(this.#file);
      this.#target.close();
      this.#target = target;
      this.info("log file reopened", { log_file: this.#file });
    } catch (error) {
      this.warn("cannot reopen the log file; the old one stays in use", {
        log_file: this.#file,
        error: messageOf(error),
      });
    }
  }

  isLogged(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) <= this.#threshold;
  }

  error(message: string, fields?: LogFields): void {
    this.#line("error", message, fields);
    this.onError?.(message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#line("warn", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#line("info", message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.#line("debug", message, fields);
  }

  trace(message: string, fields?: LogFields): void {
    this.#line("trace", message, fields);
  }

  /** Resolves when everything logged so far has been written or dropped. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #line(level: LogLevel, message: string, fields?: LogFields): void {
    if (!this.isLogged(level)) return;
    if (this.#queue.length > MAX_QUEUED_CHARACTERS) {
      this.#dropped += 1;
      return;
    }
    this.#queue += format(level, message, fields);
    if (!this.#isHeld) this.#writing ??= this.#drain();
  }

  async #drain(): Promise<void> {
    // Lines of the same event-loop turn are written at once.
    await Promise.resolve();
    while (this.#queue !== "" && !this.#isHeld) {
      const text = this.#queue;
      this.#queue = "";
      try {
        await this.#write(text);
      } catch {
        // This cannot be reported now; the count is logged once writing works again.
        this.#dropped += text.split("\n").length - 1;
      }
    }
    this.#writing = undefined;
  }

  async #write(text: string): Promise<void> {
    await this.#writeAll(text);
    if (this.#dropped === 0 || this.#queue !== "") return;
    const lines = this.#dropped;
    this.#dropped = 0;
    const missing = format("warn", "could not write the log; lines are missing", { lines });
    await this.#writeAll(missing).catch(() => this.#dropped += lines);
  }

  async #writeAll(text: string): Promise<void> {
    await writeAll(this.#target, encoder.encode(text));
  }
}

function format(level: LogLevel, message: string, fields?: LogFields): string {
  const time = utcTime();
  try {
    return `${jsonLine({ time, level, message, ...fields })}\n`;
  } catch {
    return `${jsonLine({ time, level, message, fields: "cannot be written as JSON" })}\n`;
  }
}

/** A log that discards everything. */
export const NO_LOG: Log = {
  isLogged: () => false,
  error() {},
  warn() {},
  info() {},
  debug() {},
  trace() {},
};
