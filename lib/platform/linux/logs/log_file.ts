/**
 * Reads a log file through its rotations.
 *
 * The log is a sequence of files: older ones under other names, perhaps compressed, and the current
 * one. A cursor names a file by its device and inode and by a digest of the bytes before the
 * position, so the file is found again after it was renamed, and its content after it was copied or
 * compressed.
 *
 * @module
 */

import { Aborted, withTimer } from "../../../base/waiting.ts";
import type { Files } from "../../../guest/files.ts";
import type { LogGap, LogLines, LogPosition } from "../../../guest/logs.ts";
import type { AllowedPath } from "../../../policy/paths.ts";
import { fileCursor, parseFileCursor } from "./file_cursor.ts";
import { LineCollector } from "./line_collector.ts";
import { CHUNK_BYTES } from "./log_bytes.ts";
import { LogFiles } from "./log_files.ts";
import { advance, type Place, positionOf } from "./log_place.ts";
import { LogSearch } from "./log_search.ts";

/** How often a waiting reader looks at the file. */
const POLL_MS = 250;
/** A file that has not changed for this long is not being written. */
const QUIET_MS = 1000;

/** A read, and whether only a change of the current file can bring more. */
interface Read extends LogLines {
  readonly isSettled: boolean;
}

/** Reads log files of the guest. */
export class LogFileReader {
  constructor(private readonly files: Pick<Files, "open" | "list">) {}

  /** As `readFile` of {@link Logs}. */
  async read(path: AllowedPath, position: LogPosition, signal: AbortSignal): Promise<LogLines> {
    const { isSettled: _, ...lines } = await this.#read(path, position, signal);
    return lines;
  }

  /** As `fileChange` of {@link Logs}. */
  async change(path: AllowedPath, cursor: string, signal: AbortSignal): Promise<void> {
    const aborted = new Aborted(signal);
    using _aborted = aborted;
    const limits = { lines: 1, jsonBytes: 2 * CHUNK_BYTES };
    while (!signal.aborted) {
      const seen = await this.#stateOf(path, signal);
      const read = await this.#read(path, { cursor, limits }, signal);
      if (read.lines.length > 0 || read.gap !== undefined) return;
      const readAt = performance.now();
      const mayReadAgain = () => !read.isSettled && performance.now() - readAt >= QUIET_MS;
      while (!signal.aborted && !mayReadAgain()) {
        await withTimer(POLL_MS, aborted.happened);
        if (signal.aborted || seen !== await this.#stateOf(path, signal)) break;
      }
    }
  }

  /** Changes whenever the current file does. */
  async #stateOf(path: AllowedPath, signal: AbortSignal): Promise<string> {
    const file = await new LogFiles(this.files, path, signal).openIfAny();
    if (file === undefined) return "missing";
    using _file = file;
    return `${file.identity} ${file.sizeBytes} ${file.modifiedMs}`;
  }

  async #read(path: AllowedPath, position: LogPosition, signal: AbortSignal): Promise<Read> {
    const search = new LogSearch(new LogFiles(this.files, path, signal));
    const start = position.cursor === undefined
      ? { place: await search.tail(position.limits.lines) }
      : await search.locate(await parseFileCursor(path.path, position.cursor));
    const { place, ...read } = await collect(search, start, position, signal);
    return { ...read, cursor: await fileCursor(path.path, await positionOf(place)) };
  }
}

/** Collects lines from a place on, through the files that follow. */
async function collect(
  search: LogSearch,
  start: { readonly place: Place; readonly gap?: LogGap },
  { limits }: LogPosition,
  signal: AbortSignal,
): Promise<Omit<Read, "cursor"> & { readonly place: Place }> {
  const collector = new LineCollector(limits);
  let { place, gap } = start;
  let isContinued = false;
  let isSettled = false;
  try {
    for (;;) {
      const wasMidLine = place === start.place && place.isMidLine;
      const isAtEnd = await consume(place, collector, signal);
      if (wasMidLine && collector.lines.length > 0) isContinued = true;
      if (collector.isFull || !isAtEnd) break;
      if (place.older === undefined) {
        isSettled = isAtEnd === "settled";
        break;
      }
      const next = await search.successor(place);
      if (next === undefined) break;
      const { damage } = place.bytes;
      if (damage !== undefined) gap ??= { reason: `${place.older.name} ${damage}` };
      const hasRest = await consumeRest(place, collector, signal);
      if (wasMidLine && collector.lines.length > 0) isContinued = true;
      if (hasRest) {
        await next.bytes[Symbol.asyncDispose]();
        break;
      }
      await place.bytes[Symbol.asyncDispose]();
      place = next;
    }
    return {
      lines: collector.lines,
      place,
      isContinued,
      isCut: collector.isCut,
      isSettled,
      ...(gap === undefined ? {} : { gap }),
    };
  } finally {
    await place.bytes[Symbol.asyncDispose]();
  }
}

/** Takes lines until the answer is full or the file ends; whether it ends, and how. */
async function consume(
  place: Place,
  collector: LineCollector,
  signal: AbortSignal,
): Promise<"settled" | "pending" | false> {
  while (!collector.isFull) {
    const bytes = await place.bytes.readAt(place.offset, CHUNK_BYTES, signal);
    const isEnd = bytes.byteLength < CHUNK_BYTES;
    const taken = collector.take(bytes, { rest: "leave" });
    if (taken > 0) {
      advance(place, bytes.subarray(0, taken), collector.isCut);
      continue;
    }
    if (bytes.byteLength === 0) return "settled";
    if (collector.isFull) return false;
    // An unfinished line: part of a long one, or one that is still being written.
    const isQuiet = Date.now() - place.bytes.modifiedMs >= QUIET_MS;
    if (isEnd && !(place.older === undefined && isQuiet)) return "pending";
    const piece = collector.take(bytes, { rest: "cut" });
    advance(place, bytes.subarray(0, piece), true);
  }
  return false;
}

/** Takes the last line of a complete file, which may lack a newline; whether some is left. */
async function consumeRest(
  place: Place,
  collector: LineCollector,
  signal: AbortSignal,
): Promise<boolean> {
  const bytes = await place.bytes.readAt(place.offset, CHUNK_BYTES, signal);
  if (bytes.byteLength === 0) return false;
  const taken = collector.take(bytes, { rest: "complete" });
  advance(place, bytes.subarray(0, taken), collector.isCut);
  return taken < bytes.byteLength || collector.isFull;
}
