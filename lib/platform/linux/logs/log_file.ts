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

import { basename, dirname } from "@std/path/posix";
import { commandFailed } from "../../../base/errors.ts";
import { Aborted, withTimer } from "../../../base/waiting.ts";
import type { Files, OpenFile } from "../../../guest/files.ts";
import type { LogGap, LogLines, LogPosition } from "../../../guest/logs.ts";
import { type AllowedPath, isInside } from "../../../policy/paths.ts";
import {
  checkDigest,
  CHECKED_BYTES,
  fileCursor,
  type FilePosition,
  parseFileCursor,
} from "./file_cursor.ts";
import { type OlderFile, olderFiles, sharedBeginning } from "./generations.ts";
import { CHUNK_BYTES, type LogBytes, PlainBytes, UnpackedBytes } from "./log_bytes.ts";
import { LineCollector } from "./line_collector.ts";

/** How often a waiting reader looks at the file. */
const POLL_MS = 250;
/** A file that has not changed for this long is not being written. */
const QUIET_MS = 1000;
/** A binary file has a NUL in this many first bytes. */
const HEAD_BYTES = 4096;
/** How far back the last lines are searched. */
const MAX_TAIL_BYTES = 64 * 1024 * 1024;
const MAX_OLDER_NAMES = 1000;
/** How often a search starts over because files were renamed meanwhile. */
const MAX_ATTEMPTS = 5;
const NEWLINE = 0x0a;

/** A place in one of the files. */
interface Place {
  readonly bytes: LogBytes;
  /** The name of an older file; `undefined` for the current one. */
  readonly older: OlderFile | undefined;
  offset: number;
  isMidLine: boolean;
  /** The last bytes before the offset, up to {@link CHECKED_BYTES}. */
  before: Uint8Array<ArrayBuffer>;
}

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
    const file = await this.#openIfAny(path, signal);
    if (file === undefined) return "missing";
    using _file = file;
    return `${file.identity} ${file.sizeBytes} ${file.modifiedMs}`;
  }

  async #read(path: AllowedPath, position: LogPosition, signal: AbortSignal): Promise<Read> {
    const reading = new Reading(this.files, path, signal);
    const { place, gap } = position.cursor === undefined
      ? { place: await reading.tail(position.limits.lines), gap: undefined }
      : await reading.locate(await parseFileCursor(path.path, position.cursor));
    return await collect(reading, place, gap, position);
  }

  async #openIfAny(path: AllowedPath, signal: AbortSignal): Promise<OpenFile | undefined> {
    try {
      return await this.files.open(path, { access: "read", signal });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }
}

async function collect(
  reading: Reading,
  start: Place,
  startGap: LogGap | undefined,
  { limits }: LogPosition,
): Promise<Read> {
  const collector = new LineCollector(limits);
  let [place, gap] = [start, startGap];
  let isContinued = false;
  let isSettled = false;
  try {
    for (;;) {
      const wasMidLine = place === start && start.isMidLine;
      const isAtEnd = await reading.consume(place, collector);
      if (wasMidLine && collector.lines.length > 0) isContinued = true;
      if (collector.isFull || !isAtEnd) break;
      if (place.older === undefined) {
        isSettled = isAtEnd === "settled";
        break;
      }
      const next = await reading.successor(place);
      if (next === undefined) break;
      const { damage } = place.bytes;
      if (damage !== undefined) gap ??= { reason: `${place.older.name} ${damage}` };
      const hasRest = await reading.consumeRest(place, collector);
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
      cursor: await fileCursor(reading.path.path, await positionOf(place)),
      isContinued,
      isCut: collector.isCut,
      isSettled,
      ...(gap === undefined ? {} : { gap }),
    };
  } finally {
    await place.bytes[Symbol.asyncDispose]();
  }
}

async function positionOf({ bytes, offset, before, isMidLine }: Place): Promise<FilePosition> {
  const { identity, modifiedMs } = bytes;
  return {
    identity,
    modifiedMs: Math.max(0, Math.floor(modifiedMs)),
    offset,
    isMidLine,
    digest: await checkDigest(before),
  };
}

/** One read of one log. */
class Reading {
  constructor(
    readonly files: Pick<Files, "open" | "list">,
    readonly path: AllowedPath,
    readonly signal: AbortSignal,
  ) {}

  /** The beginning of the last lines of the current file. */
  async tail(lines: number): Promise<Place> {
    const file = await this.files.open(this.path, { access: "read", signal: this.signal });
    const bytes = new PlainBytes(file);
    try {
      const head = await bytes.readAt(0, HEAD_BYTES, this.signal);
      if (head.includes(0)) throw binary(this.path.path);
      if (file.sizeBytes === 0) {
        const end = await this.#endOfNewestOlder();
        if (end === undefined) return newPlace(bytes, undefined);
        await bytes[Symbol.asyncDispose]();
        return end;
      }
      const place = newPlace(bytes, undefined);
      const { start, isMidLine } = await this.#startOfLast(lines, file);
      await this.#moveTo(place, start);
      place.isMidLine = isMidLine;
      return place;
    } catch (error) {
      await bytes[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The place of a cursor, or the next place with newer data and the gap before it. */
  async locate(position: FilePosition): Promise<{ place: Place; gap?: LogGap }> {
    const found = await this.find(position);
    if (found !== undefined) return { place: found };
    const newer = await this.#firstChangedAfter(position);
    if (newer !== undefined) return { place: newer, gap: goneGap(this.path) };
    // The native error says that the log does not exist.
    const file = await this.files.open(this.path, { access: "read", signal: this.signal });
    const place = newPlace(new PlainBytes(file), undefined);
    return position.offset === 0 ? { place } : { place, gap: goneGap(this.path) };
  }

  /** The file that a position is in, wherever it is now. */
  async find(position: FilePosition): Promise<Place | undefined> {
    const live = await this.#openLive();
    if (live !== undefined) {
      if (live.identity === position.identity && position.offset > 0) {
        const place = await this.#placeAt(live, undefined, position);
        if (place !== undefined) return place;
      }
      await live[Symbol.asyncDispose]();
    }
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const older = await this.#older();
      const found = await this.#findAmong(older.toReversed(), position);
      if (found !== undefined) return found;
      if (isSame(older, await this.#older())) break;
    }
    return position.offset === 0 ? await this.#beginning(position) : await this.#liveCopy(position);
  }

  /**
   * The place after the end of an older file; `undefined` if the file may still be written to, or if
   * nothing follows it yet.
   */
  async successor(place: Place): Promise<Place | undefined> {
    let name = place.older?.name;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const older = await this.#older();
      const index = older.findIndex((one) => one.name === name);
      if (index < 0 || !await this.#isStill(older[index], place)) {
        // It was renamed or compressed meanwhile.
        const moved = await this.#findAmong(older.toReversed(), await positionOf(place));
        name = moved?.older?.name;
        await moved?.bytes[Symbol.asyncDispose]();
        if (moved === undefined) return undefined;
        if (moved.bytes.identity !== place.bytes.identity) return await this.#after(moved);
        continue;
      }
      const next = await this.#nextOf(older, index, place);
      if (next === undefined) return undefined;
      const isUnchanged = isSame(older, await this.#older()) &&
        await this.#isStill(older[index], place);
      if (isUnchanged) return next;
      await next.bytes[Symbol.asyncDispose]();
    }
    return undefined;
  }

  /** As {@link successor}, for a file that has just been compressed. */
  async #after(moved: Place): Promise<Place | undefined> {
    const older = await this.#older();
    const index = older.findIndex(({ name }) => name === moved.older?.name);
    if (index < 0) return undefined;
    const next = await this.#nextOf(older, index, undefined);
    if (isSame(older, await this.#older())) return next;
    await next?.bytes[Symbol.asyncDispose]();
    return undefined;
  }

  async #nextOf(
    older: readonly OlderFile[],
    index: number,
    hot: Place | undefined,
  ): Promise<Place | undefined> {
    const next = older[index + 1];
    if (next !== undefined) {
      const bytes = await this.#openOlder(next);
      return bytes && newPlace(bytes, next);
    }
    const live = await this.#openLive();
    if (live === undefined) return undefined;
    // A program that still has the renamed file open may still write to it.
    const isHot = hot !== undefined && hot.older?.unpacker === undefined &&
      Date.now() - hot.bytes.modifiedMs < QUIET_MS;
    if (live.file.sizeBytes > 0 && !isHot) return newPlace(live, undefined);
    await live[Symbol.asyncDispose]();
    return undefined;
  }

  /** Takes lines until the answer is full or the file ends; whether it ends, and how. */
  async consume(place: Place, collector: LineCollector): Promise<"settled" | "pending" | false> {
    while (!collector.isFull) {
      const bytes = await place.bytes.readAt(place.offset, CHUNK_BYTES, this.signal);
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
  async consumeRest(place: Place, collector: LineCollector): Promise<boolean> {
    const bytes = await place.bytes.readAt(place.offset, CHUNK_BYTES, this.signal);
    if (bytes.byteLength === 0) return false;
    const taken = collector.take(bytes, { rest: "complete" });
    advance(place, bytes.subarray(0, taken), collector.isCut);
    return taken < bytes.byteLength || collector.isFull;
  }

  async #older(): Promise<OlderFile[]> {
    const { path, root } = this.path;
    const directory = dirname(path);
    // Only the log itself may be read: its older files are as good as gone.
    if (!isInside(directory, root)) return [];
    const after = sharedBeginning(basename(path));
    const { entries } = await this.files.list({ path: directory, root }, {
      after,
      limit: MAX_OLDER_NAMES,
      signal: this.signal,
    });
    const names = entries.filter(({ type }) => type === "file").map(({ name }) => name);
    return olderFiles(basename(path), names);
  }

  async #findAmong(
    newestFirst: readonly OlderFile[],
    position: FilePosition,
  ): Promise<Place | undefined> {
    for (
      const isWanted of [
        ({ identity }: LogBytes) => identity === position.identity,
        ({ identity }: LogBytes) => identity !== position.identity && position.offset > 0,
      ]
    ) {
      for (const older of newestFirst) {
        const bytes = await this.#openOlder(older);
        if (bytes === undefined) continue;
        const place = isWanted(bytes) ? await this.#placeAt(bytes, older, position) : undefined;
        if (place !== undefined) return place;
        await bytes[Symbol.asyncDispose]();
      }
    }
    return undefined;
  }

  /** The log was empty and had no older files: everything that exists now is newer. */
  async #beginning({ identity }: FilePosition): Promise<Place | undefined> {
    const [oldest] = await this.#older();
    const bytes = oldest === undefined ? undefined : await this.#openOlder(oldest);
    if (bytes !== undefined) return newPlace(bytes, oldest);
    const live = await this.#openLive();
    if (live === undefined || live.identity === identity) return live && newPlace(live, undefined);
    await live[Symbol.asyncDispose]();
    return undefined;
  }

  /** The current file, if it is a copy of the one that the position is in. */
  async #liveCopy(position: FilePosition): Promise<Place | undefined> {
    const live = await this.#openLive();
    if (live === undefined) return undefined;
    const place = live.identity === position.identity
      ? undefined
      : await this.#placeAt(live, undefined, position);
    if (place === undefined) await live[Symbol.asyncDispose]();
    return place;
  }

  /** The oldest file that was changed after a position was read: what came before it is gone. */
  async #firstChangedAfter({ modifiedMs }: FilePosition): Promise<Place | undefined> {
    for (const older of await this.#older()) {
      const bytes = await this.#openOlder(older);
      if (bytes === undefined) continue;
      if (bytes.modifiedMs > modifiedMs) return newPlace(bytes, older);
      await bytes[Symbol.asyncDispose]();
    }
    return undefined;
  }

  async #endOfNewestOlder(): Promise<Place | undefined> {
    const newest = (await this.#older()).at(-1);
    const bytes = newest && await this.#openOlder(newest);
    if (bytes === undefined) return undefined;
    const place = newPlace(bytes, newest);
    for (;;) {
      const read = await bytes.readAt(place.offset, CHUNK_BYTES, this.signal);
      if (read.byteLength === 0) return place;
      advance(place, read, false);
    }
  }

  /** Whether the name still belongs to the file of a place. */
  async #isStill(older: OlderFile | undefined, { bytes }: Place): Promise<boolean> {
    const found = older && await this.#openOlder(older);
    if (found === undefined) return false;
    await found[Symbol.asyncDispose]();
    return found.identity === bytes.identity;
  }

  async #openLive(): Promise<PlainBytes | undefined> {
    const file = await this.#open(this.path);
    return file && new PlainBytes(file);
  }

  async #openOlder({ name, unpacker }: OlderFile): Promise<LogBytes | undefined> {
    const { path, root } = this.path;
    const file = await this.#open({ path: `${dirname(path)}/${name}`, root });
    if (file === undefined) return undefined;
    return unpacker === undefined ? new PlainBytes(file) : new UnpackedBytes(file, unpacker);
  }

  async #open(path: AllowedPath): Promise<OpenFile | undefined> {
    try {
      return await this.files.open(path, { access: "read", signal: this.signal });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** The position in this file, if the bytes before it are the ones that were read before it. */
  async #placeAt(
    bytes: LogBytes,
    older: OlderFile | undefined,
    { offset, digest, isMidLine }: FilePosition,
  ): Promise<Place | undefined> {
    const place = newPlace(bytes, older);
    await this.#moveTo(place, offset);
    if (place.before.byteLength < Math.min(offset, CHECKED_BYTES)) return undefined;
    if (await checkDigest(place.before) !== digest) return undefined;
    place.isMidLine = isMidLine;
    return place;
  }

  async #moveTo(place: Place, offset: number): Promise<void> {
    const length = Math.min(offset, CHECKED_BYTES);
    const read = length === 0
      ? new Uint8Array(0)
      : await place.bytes.readAt(offset - length, length, this.signal);
    place.before = Uint8Array.from(read);
    place.offset = offset;
  }

  async #startOfLast(
    lines: number,
    file: OpenFile,
  ): Promise<{ start: number; isMidLine: boolean }> {
    const { sizeBytes } = file;
    // A newline at the very end ends the last line, and begins none.
    let left = lines;
    let end = sizeBytes - 1;
    if (lines === 0) {
      const { bytes } = await file.readAt(end, 1, this.signal);
      return { start: sizeBytes, isMidLine: bytes[0] !== NEWLINE };
    }
    const earliest = Math.max(0, sizeBytes - MAX_TAIL_BYTES);
    while (end > earliest) {
      const start = Math.max(earliest, end - CHUNK_BYTES);
      const { bytes } = await file.readAt(start, end - start, this.signal);
      for (let at = bytes.lastIndexOf(NEWLINE); at >= 0; at = lastNewline(bytes, at)) {
        left -= 1;
        if (left === 0) return { start: start + at + 1, isMidLine: false };
      }
      end = start;
    }
    return { start: earliest, isMidLine: earliest > 0 };
  }
}

/** The last newline before an index, or -1. */
const lastNewline = (bytes: Uint8Array, before: number) =>
  before === 0 ? -1 : bytes.lastIndexOf(NEWLINE, before - 1);

function newPlace(bytes: LogBytes, older: OlderFile | undefined): Place {
  return { bytes, older, offset: 0, isMidLine: false, before: new Uint8Array(0) };
}

function advance(place: Place, taken: Uint8Array, isMidLine: boolean): void {
  place.offset += taken.byteLength;
  if (taken.byteLength > 0) place.isMidLine = isMidLine;
  const kept = place.before.subarray(
    Math.max(0, place.before.byteLength + taken.byteLength - CHECKED_BYTES),
  );
  const added = taken.subarray(Math.max(0, taken.byteLength - CHECKED_BYTES));
  const before = new Uint8Array(kept.byteLength + added.byteLength);
  before.set(kept);
  before.set(added, kept.byteLength);
  place.before = before;
}

const isSame = (a: readonly OlderFile[], b: readonly OlderFile[]) =>
  a.length === b.length && a.every(({ name }, index) => name === b[index]?.name);

const goneGap = ({ path, root }: AllowedPath): LogGap => ({
  reason: isInside(dirname(path), root)
    ? "the log was truncated, or the file with the next lines was removed"
    : `the log was rotated or truncated, and older files of ${path} are outside allowed_read_paths`,
});

const binary = (path: string) =>
  commandFailed(`${path} is a binary file, not a text log; read it with file_read`, { path });
