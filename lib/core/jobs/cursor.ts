/**
 * Cursors into the output of a job: which job it is, and how many bytes of its output come before.
 *
 * @module
 */

import { invalidParams } from "../../base/errors.ts";

const CURSOR_REGEXP = /^([0-9a-f]{16})\.(0|[1-9]\d{0,15})$/;

/** The cursor of a position in a job's output. */
export const cursorOf = (instance: string, position: number): string => `${instance}.${position}`;

/**
 * The position that a cursor stands for.
 *
 * @throws {RpcError} -32602 for a text that is no cursor, or one of another job.
 */
export function positionOf(cursor: string, instance: string): number {
  const [, owner, position] = CURSOR_REGEXP.exec(cursor) ?? [];
  if (owner === undefined) {
    throw invalidParams(
      "cursor is not one that this agent has given; leave it out to read from the beginning",
      { params: ["cursor"] },
    );
  }
  if (owner !== instance) {
    throw invalidParams(
      "cursor belongs to another job, or to an earlier one with this id; leave it out to read " +
        "from the beginning",
      { params: ["cursor"] },
    );
  }
  return Number(position);
}
