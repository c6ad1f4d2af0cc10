/**
 * The cursors of the journal of events: an epoch, and the number of the next event.
 *
 * @module
 */

import { invalidParams } from "../base/errors.ts";
import type { Spool } from "../guest/state.ts";

const CURSOR_REGEXP = /^e1\.([0-9a-f]{16})\.(\d{1,16})$/;

/** A cursor before the event of this number. */
export const cursorText = (epoch: string, seq: number): string => `e1.${epoch}.${seq}`;

/**
 * Where a read begins, and whether it is known what is missing before.
 *
 * @param last Without a cursor: only this many of the last events.
 * @throws {RpcError} -32602 for a cursor that is not one of this journal.
 */
export function startOfRead(
  cursor: string | undefined,
  last: number | undefined,
  spool: Spool,
  epoch: string,
): { readonly seq: number; readonly isKnown: boolean; readonly gap?: string } {
  if (cursor === undefined) {
    const seq = last === undefined ? spool.begin : Math.max(spool.begin, spool.end - last);
    return { seq, isKnown: true };
  }
  const [, cursorEpoch, number] = CURSOR_REGEXP.exec(cursor) ?? [];
  if (cursorEpoch === undefined || number === undefined) throw badCursor("is not one of events");
  if (cursorEpoch !== epoch) {
    return { seq: spool.begin, isKnown: false, gap: "the events of the cursor's epoch are gone" };
  }
  const seq = Number(number);
  if (seq > spool.end) throw badCursor("is from the future");
  return { seq, isKnown: true };
}

const badCursor = (why: string) =>
  invalidParams(
    `cursor ${why}; pass the cursor of an earlier answer unchanged, or none to start over`,
    { params: ["cursor"] },
  );
