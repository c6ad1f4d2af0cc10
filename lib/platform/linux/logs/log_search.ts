/**
 * Finds places in the files of a log: the last lines, a cursor, and what follows the end of a file.
 *
 * Files are renamed, copied and compressed while this happens, so a search that sees the names change
 * starts over.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import { commandFailed } from "../../../base/errors.ts";
import type { LogGap } from "../../../guest/logs.ts";
import { type AllowedPath, isInside } from "../../../policy/paths.ts";
import type { FilePosition } from "./file_cursor.ts";
import type { OlderFile } from "./generations.ts";
import { startOfLastLines } from "./last_lines.ts";
import { CHUNK_BYTES, type LogBytes, PlainBytes } from "./log_bytes.ts";
import type { LogFiles } from "./log_files.ts";
import { advance, moveTo, newPlace, type Place, placeAt, positionOf } from "./log_place.ts";

/** A program that still has a renamed file open may write to it for this long. */
const HOT_MS = 1000;
/** A binary file has a NUL in this many first bytes. */
const HEAD_BYTES = 4096;
/** How often a search starts over because files were renamed meanwhile. */
const MAX_ATTEMPTS = 5;

/** Searches the files of one log. */
export class LogSearch {
  readonly #files: LogFiles;

  constructor(files: LogFiles) {
    this.#files = files;
  }

  /** The beginning of the last lines of the current file. */
  async tail(lines: number): Promise<Place> {
    const file = await this.#files.open();
    const bytes = new PlainBytes(file);
    try {
      const head = await bytes.readAt(0, HEAD_BYTES, this.#files.signal);
      if (head.includes(0)) throw binary(this.#files.path.path);
      if (file.sizeBytes === 0) {
        const end = await this.#endOfNewestOlder();
        if (end === undefined) return newPlace(bytes, undefined);
        await bytes[Symbol.asyncDispose]();
        return end;
      }
      const place = newPlace(bytes, undefined);
      const { start, isMidLine } = await startOfLastLines(file, lines, this.#files.signal);
      await moveTo(place, start, this.#files.signal);
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
    if (newer !== undefined) return { place: newer, gap: goneGap(this.#files.path) };
    // The native error says that the log does not exist.
    const file = await this.#files.open();
    const place = newPlace(new PlainBytes(file), undefined);
    return position.offset === 0 ? { place } : { place, gap: goneGap(this.#files.path) };
  }

  /** The file that a position is in, wherever it is now. */
  async find(position: FilePosition): Promise<Place | undefined> {
    const live = await this.#files.live();
    if (live !== undefined) {
      if (live.identity === position.identity && position.offset > 0) {
        const place = await placeAt(live, undefined, position, this.#files.signal);
        if (place !== undefined) return place;
      }
      await live[Symbol.asyncDispose]();
    }
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const older = await this.#files.older();
      const found = await this.#findAmong(older.toReversed(), position);
      if (found !== undefined) return found;
      if (isSame(older, await this.#files.older())) break;
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
      const older = await this.#files.older();
      const index = older.findIndex((one) => one.name === name);
      if (index < 0 || !await this.#files.isStill(older[index], place.bytes)) {
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
      const isUnchanged = isSame(older, await this.#files.older()) &&
        await this.#files.isStill(older[index], place.bytes);
      if (isUnchanged) return next;
      await next.bytes[Symbol.asyncDispose]();
    }
    return undefined;
  }

  /** As {@link successor}, for a file that has just been compressed. */
  async #after(moved: Place): Promise<Place | undefined> {
    const older = await this.#files.older();
    const index = older.findIndex(({ name }) => name === moved.older?.name);
    if (index < 0) return undefined;
    const next = await this.#nextOf(older, index, undefined);
    if (isSame(older, await this.#files.older())) return next;
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
      const bytes = await this.#files.openOlder(next);
      return bytes && newPlace(bytes, next);
    }
    const live = await this.#files.live();
    if (live === undefined) return undefined;
    // A program that still has the renamed file open may still write to it.
    const isHot = hot !== undefined && hot.older?.unpacker === undefined &&
      Date.now() - hot.bytes.modifiedMs < HOT_MS;
    if (live.file.sizeBytes > 0 && !isHot) return newPlace(live, undefined);
    await live[Symbol.asyncDispose]();
    return undefined;
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
        const bytes = await this.#files.openOlder(older);
        if (bytes === undefined) continue;
        const place = isWanted(bytes)
          ? await placeAt(bytes, older, position, this.#files.signal)
          : undefined;
        if (place !== undefined) return place;
        await bytes[Symbol.asyncDispose]();
      }
    }
    return undefined;
  }

  /** The log was empty and had no older files: everything that exists now is newer. */
  async #beginning({ identity }: FilePosition): Promise<Place | undefined> {
    const [oldest] = await this.#files.older();
    const bytes = oldest === undefined ? undefined : await this.#files.openOlder(oldest);
    if (bytes !== undefined) return newPlace(bytes, oldest);
    const live = await this.#files.live();
    if (live === undefined || live.identity === identity) return live && newPlace(live, undefined);
    await live[Symbol.asyncDispose]();
    return undefined;
  }

  /** The current file, if it is a copy of the one that the position is in. */
  async #liveCopy(position: FilePosition): Promise<Place | undefined> {
    const live = await this.#files.live();
    if (live === undefined) return undefined;
    const place = live.identity === position.identity
      ? undefined
      : await placeAt(live, undefined, position, this.#files.signal);
    if (place === undefined) await live[Symbol.asyncDispose]();
    return place;
  }

  /** The oldest file that was changed after a position was read: what came before it is gone. */
  async #firstChangedAfter({ modifiedMs }: FilePosition): Promise<Place | undefined> {
    for (const older of await this.#files.older()) {
      const bytes = await this.#files.openOlder(older);
      if (bytes === undefined) continue;
      if (bytes.modifiedMs > modifiedMs) return newPlace(bytes, older);
      await bytes[Symbol.asyncDispose]();
    }
    return undefined;
  }

  async #endOfNewestOlder(): Promise<Place | undefined> {
    const newest = (await this.#files.older()).at(-1);
    const bytes = newest && await this.#files.openOlder(newest);
    if (bytes === undefined) return undefined;
    const place = newPlace(bytes, newest);
    for (;;) {
      const read = await bytes.readAt(place.offset, CHUNK_BYTES, this.#files.signal);
      if (read.byteLength === 0) return place;
      advance(place, read, false);
    }
  }
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
