/**
 * A place in one of the files of a log, and the bytes before it, which prove a cursor.
 *
 * @module
 */

import { checkDigest, CHECKED_BYTES, type FilePosition } from "./file_cursor.ts";
import type { OlderFile } from "./generations.ts";
import type { LogBytes } from "./log_bytes.ts";

/** A place in one of the files. */
export interface Place {
  readonly bytes: LogBytes;
  /** The name of an older file; `undefined` for the current one. */
  readonly older: OlderFile | undefined;
  offset: number;
  isMidLine: boolean;
  /** The last bytes before the offset, up to {@link CHECKED_BYTES}. */
  before: Uint8Array<ArrayBuffer>;
}

/** The beginning of a file. */
export function newPlace(bytes: LogBytes, older: OlderFile | undefined): Place {
  return { bytes, older, offset: 0, isMidLine: false, before: new Uint8Array(0) };
}

/** Moves a place behind bytes that were taken. */
export function advance(place: Place, taken: Uint8Array, isMidLine: boolean): void {
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

/** Moves a place to an offset, and reads the bytes before it. */
export async function moveTo(place: Place, offset: number, signal: AbortSignal): Promise<void> {
  const length = Math.min(offset, CHECKED_BYTES);
  const read = length === 0
    ? new Uint8Array(0)
    : await place.bytes.readAt(offset - length, length, signal);
  place.before = Uint8Array.from(read);
  place.offset = offset;
}

/** The position in this file, if the bytes before it are the ones that were read before it. */
export async function placeAt(
  bytes: LogBytes,
  older: OlderFile | undefined,
  { offset, digest, isMidLine }: FilePosition,
  signal: AbortSignal,
): Promise<Place | undefined> {
  const place = newPlace(bytes, older);
  await moveTo(place, offset, signal);
  if (place.before.byteLength < Math.min(offset, CHECKED_BYTES)) return undefined;
  if (await checkDigest(place.before) !== digest) return undefined;
  place.isMidLine = isMidLine;
  return place;
}

/** What a cursor says about a place. */
export async function positionOf(
  { bytes, offset, before, isMidLine }: Place,
): Promise<FilePosition> {
  const { identity, modifiedMs } = bytes;
  return {
    identity,
    modifiedMs: Math.max(0, Math.floor(modifiedMs)),
    offset,
    isMidLine,
    digest: await checkDigest(before),
  };
}
