/**
 * Reads the journal with journalctl(1), one process for each read.
 *
 * @module
 */

import { commandFailed, permissionDenied, type RpcError } from "../../../base/errors.ts";
import { countChild, countGarbage, countPipeRead } from "../../../base/memory/garbage.ts";
import { Aborted } from "../../../base/waiting.ts";
import type {
  JournalEntries,
  JournalEntry,
  JournalPosition,
  JournalSource,
  LogGap,
} from "../../../guest/logs.ts";
import { Capture } from "../processes/capture.ts";
import { signalGroup } from "../processes/process_group.ts";
import {
  isExecutableFile,
  PROGRAM_DIRECTORIES,
  PROGRAM_PATH,
  scriptArgs,
  SHELL,
} from "../programs.ts";
import {
  entryBytes,
  fitEntry,
  OUTPUT_FIELDS,
  parseBeginning,
  parseEntry,
  type PrintedEntry,
} from "./journal_entries.ts";
import {
  checkUnit,
  entriesBetween,
  journalCursor,
  type JournalPoint,
  parseJournalCursor,
  sourceArguments,
} from "./journal_cursor.ts";

const CHUNK_BYTES = 16 * 1024;
/** A longer line is not parsed; only its two ends are read. */
const MAX_LINE_BYTES = 256 * 1024;
const MAX_MESSAGES_BYTES = 4096;
/** What a parsed byte leaves for the garbage collector (measured). */
const PARSED_FACTOR = 8;
const NEWLINE = 0x0a;
/** In its messages: some entries, or all, are hidden from the agent's user. */
const HIDDEN_REGEXP = /insufficient permissions|not seeing messages from other users/i;

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
    await using reading = new Reading(program, args, signal);
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
    await using reading = new Reading(program, ["--follow", "--no-tail", ...args], signal);
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
    await using reading = new Reading(program, ["--field=_SYSTEMD_UNIT"], signal);
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

/** A running journalctl. */
class Reading implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamBYOBReader;
  readonly #messages: Capture;
  readonly #signal: AbortSignal;
  readonly #aborted: Aborted;
  #messageText = "";
  #buffer = new ArrayBuffer(CHUNK_BYTES);
  #chunk = new Uint8Array(0);
  #hasEnded = false;

  constructor(program: string, args: readonly string[], signal: AbortSignal) {
    signal.throwIfAborted();
    countChild();
    this.#signal = signal;
    this.#child = new Deno.Command(SHELL, {
      // Every argument from a request is the value of an option or a match: none begins with "-".
      args: scriptArgs(
        'program=$1; shift; exec "$program" "$@"',
        program,
        "--no-pager",
        "--all",
        "--output=json",
        `--output-fields=${OUTPUT_FIELDS}`,
        ...args,
      ),
      cwd: "/",
      clearEnv: true,
      env: { PATH: PROGRAM_PATH, LC_ALL: "C", TZ: "UTC" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
    this.#reader = this.#child.stdout.getReader({ mode: "byob" });
    this.#messages = new Capture(this.#child.stderr, MAX_MESSAGES_BYTES);
    this.#aborted = new Aborted(signal);
    void this.#aborted.happened.then(() => signalGroup(this.#child, "SIGKILL"));
  }

  /** Whether the journal was not shown, or not all of it. Known at the end of the output. */
  get isRefused(): boolean {
    return HIDDEN_REGEXP.test(this.#messageText);
  }

  /**
   * The next entry, or `undefined` at the end.
   *
   * @throws {RpcError} -32001 if the agent's user may not see the journal, -32000 if reading failed.
   */
  async next(): Promise<PrintedEntry | undefined> {
    for (;;) {
      const line = await this.line();
      if (line === undefined) return await this.#ended();
      countGarbage(line.text.length * PARSED_FACTOR);
      const entry = line.isCut ? parseBeginning(line.text) : parseEntry(line.text);
      if (entry !== undefined) return entry;
    }
  }

  /** The next line, or its two ends if it is too long; `undefined` at the end of the output. */
  async line(): Promise<{ text: string; isCut: boolean } | undefined> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const end = this.#chunk.indexOf(NEWLINE);
      const part = end < 0 ? this.#chunk : this.#chunk.subarray(0, end);
      // The fields come in any order: the cursor may be after a huge message.
      if (length > MAX_LINE_BYTES + CHUNK_BYTES) parts.splice(-2, 1);
      parts.push(part.slice());
      length += part.byteLength;
      if (end >= 0) {
        this.#chunk = this.#chunk.subarray(end + 1);
        const decoder = new TextDecoder();
        const text = parts.map((one) => decoder.decode(one, { stream: true })).join("");
        return { text, isCut: length > MAX_LINE_BYTES };
      }
      if (!await this.#fill()) return undefined;
    }
  }

  async #fill(): Promise<boolean> {
    if (this.#hasEnded) return false;
    const { value, done } = await this.#reader.read(new Uint8Array(this.#buffer));
    countPipeRead();
    if (value === undefined || done) {
      this.#hasEnded = true;
      this.#chunk = new Uint8Array(0);
      await this.#messages.ended;
      this.#messageText = new TextDecoder().decode(this.#messages.take().bytes);
      return false;
    }
    this.#buffer = value.buffer;
    this.#chunk = value;
    return true;
  }

  async #ended(): Promise<undefined> {
    this.#signal.throwIfAborted();
    if (this.isRefused) throw notInGroup();
    const { code, signal } = await this.#child.status;
    if (code === 0 || signal !== null) return undefined;
    const message = this.#messageText.trim().split("\n").at(-1) ?? "";
    // A journal without a single entry: the cursor's entry is not there either.
    if (/no journal files were found/i.test(message) || message === "") return undefined;
    throw commandFailed(`the journal cannot be read: ${message}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#aborted[Symbol.dispose]();
    await signalGroup(this.#child, "SIGKILL");
    await this.#reader.cancel().catch(() => {});
    await Promise.all([this.#child.status, this.#messages.finish()]);
  }
}

function notInGroup(): RpcError {
  return permissionDenied(
    `the agent's user (uid ${Deno.uid()}) may not read the system's journal; add it to the group ` +
      "systemd-journal and restart the agent",
    { group: "systemd-journal" },
  );
}
