/**
 * Cursors of the journal, and the arguments of journalctl(1) that they become.
 *
 * @module
 */

import { invalidParams } from "../../../base/errors.ts";
import type { JournalSource } from "../../../guest/logs.ts";
import { badCursor, markOf } from "./file_cursor.ts";

/** A cursor of the journal itself, or a time if there was no entry yet. */
export type JournalPoint =
  | { readonly kind: "entry"; readonly cursor: string }
  | { readonly kind: "time"; readonly microseconds: number };

const CURSOR_REGEXP = /^j1\.([0-9a-f]{8})\.(?:@(\d{1,16})|([0-9A-Za-z=;]{1,400}))$/;
const UNIT_REGEXP = /^[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,254}$/;

const subjectOf = (source: JournalSource) =>
  source.kind === "kernel" ? "kernel" : `unit ${source.unit}`;

/** The text of a point in the journal. */
export async function journalCursor(source: JournalSource, point: JournalPoint): Promise<string> {
  const text = point.kind === "time" ? `@${point.microseconds}` : point.cursor;
  return `j1.${await markOf(subjectOf(source))}.${text}`;
}

/**
 * The point that a cursor contains.
 *
 * @throws {RpcError} -32602 for anything but a cursor of this source.
 */
export async function parseJournalCursor(
  source: JournalSource,
  cursor: string,
): Promise<JournalPoint> {
  const match = CURSOR_REGEXP.exec(cursor);
  if (match === null) throw badCursor("is not one of the journal");
  const [, mark, microseconds, entry] = match;
  if (mark !== await markOf(subjectOf(source))) throw badCursor("belongs to another unit");
  return microseconds === undefined
    ? { kind: "entry", cursor: entry ?? "" }
    : { kind: "time", microseconds: Number(microseconds) };
}

/**
 * Refuses what journalctl would take for an option, a pattern or a path.
 *
 * @throws {RpcError} -32602
 */
export function checkUnit(unit: string): void {
  if (UNIT_REGEXP.test(unit) && unit !== "." && unit !== "..") return;
  throw invalidParams(
    `unit must be the name of a unit, such as ssh.service, received ${
      JSON.stringify(unit.slice(0, 100))
    }`,
    { params: ["unit"] },
  );
}

/** The arguments that select a source. */
export function sourceArguments(source: JournalSource): string[] {
  // Not -k, which leaves out what the kernel printed before the last boot.
  return source.kind === "kernel" ? ["_TRANSPORT=kernel"] : [`--unit=${source.unit}`];
}

/** How many entries came between two of the journal's cursors at most, if they tell. */
export function entriesBetween(before: string, after: string): number | undefined {
  const [older, newer] = [before, after].map((cursor) => ({
    journal: /(?:^|;)s=([0-9a-f]+)/.exec(cursor)?.[1],
    number: /(?:^|;)i=([0-9a-f]{1,13})(?:;|$)/.exec(cursor)?.[1],
  }));
  if (older?.number === undefined || newer?.number === undefined) return undefined;
  if (older.journal !== newer.journal) return undefined;
  const between = Number.parseInt(newer.number, 16) - Number.parseInt(older.number, 16) - 1;
  return between >= 0 ? between : undefined;
}
