/**
 * What an event is.
 *
 * @module
 */

import { EVENT_TYPES, type EventType } from "../config/events.ts";

export { EVENT_TYPES, type EventType };

/** An event before it has a number. */
export interface NewEvent {
  readonly type: EventType;
  /** What happened: `agent.started`; a program chooses its own names. */
  readonly event: string;
  /** Any JSON. */
  readonly data: unknown;
}

/** An event of the journal. */
export interface JournalEvent extends NewEvent {
  /** Its number within the epoch; each is one higher than the one before. */
  readonly seq: number;
  /** Whole seconds since 1970. */
  readonly timestamp: number;
  /** Whether `data` was left out, because it does not fit one message any more. */
  readonly truncated?: true;
}
