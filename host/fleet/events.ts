/**
 * Events of all VMs, as the fleet's servers keep them.
 *
 * @module
 */

import * as z from "zod";

/** An event as a daemon sends it. */
export const StreamEvent = z.looseObject({ event: z.string(), time: z.string() });

/** An event as it was kept. */
export interface KeptEvent {
  readonly host: string;
  readonly tenant: string;
  /** As the daemon's `vm_watch` tells it. */
  readonly event: z.output<typeof StreamEvent>;
  /** Where reading goes on after it. */
  readonly cursor: string;
}

/** What is read. */
export interface EventsRead {
  /** Only this tenant's; `undefined` for everybody's. */
  readonly tenant: string | undefined;
  /** A cursor, `start` for the oldest event, or `undefined` for what happens from now on. */
  readonly since: string | undefined;
  /** Whether to go on with what happens. */
  readonly isFollowed: boolean;
  readonly signal: AbortSignal;
}

const CURSOR_REGEXP = /^s1\.([1-9]\d{0,14})$/;

/** Whether a text is where reading can begin. */
export const isEventCursor = (text: string): boolean =>
  text === "start" || CURSOR_REGEXP.test(text);

/** The cursor in front of the event with this number. */
export const cursorAt = (number: number): string => `s1.${number}`;

/** The number of the event that is read first; 1 for anything that is no cursor. */
export const numberOf = (cursor: string): number => Number(CURSOR_REGEXP.exec(cursor)?.[1] ?? 1);
