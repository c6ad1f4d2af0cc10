/**
 * The system's event log.
 *
 * @module
 */

import type { LogFields } from "../../../log/logger.ts";
import { jsonLine } from "../../../base/json_line.ts";
import { type EventSourceHandle, services } from "../ffi/services.ts";
import { wide } from "../ffi/wide.ts";

/** EVENTLOG_ERROR_TYPE and EVENTLOG_INFORMATION_TYPE. */
const TYPES = { error: 1, information: 4 } as const;
/**
 * Numbers of our events: those of EventCreate.exe, whose messages are the text alone, go from 1 to
 * 1000.
 */
export const EVENTS = { started: 1, stopped: 2, error: 3 } as const;
/** The most that ReportEventW takes is 31,839 characters. */
const MAX_CHARACTERS = 8192;
/** An error that goes on happening is recorded this often. */
const SAME_ERROR_MS = 60_000;
/** More kinds of errors than the agent has. */
const MAX_KINDS = 200;

/** Writes to the application log. Never fails: a log that is full is no reason to stop. */
export class EventLog implements Disposable {
  readonly #source: EventSourceHandle | null;
  readonly #recordedAt = new Map<string, number>();

  /** @param source The name of the entries' source. */
  constructor(source: string) {
    this.#source = services.RegisterEventSourceW(null, wide(source));
  }

  /** Records that the agent has started or stopped. */
  record(event: "started" | "stopped", text: string): void {
    this.#report(TYPES.information, EVENTS[event], text);
  }

  /** Records an error, the same one once a minute at most. */
  recordError(message: string, fields: LogFields = {}): void {
    const now = performance.now();
    if (now - (this.#recordedAt.get(message) ?? -Infinity) < SAME_ERROR_MS) return;
    if (this.#recordedAt.size >= MAX_KINDS) this.#recordedAt.clear();
    this.#recordedAt.set(message, now);
    const details = Object.keys(fields).length === 0 ? "" : `\r\n${jsonLine(fields)}`;
    this.#report(TYPES.error, EVENTS.error, message + details);
  }

  #report(type: number, event: number, text: string): void {
    if (this.#source === null) return;
    const string = wide(text.replaceAll("\0", "").slice(0, MAX_CHARACTERS));
    const strings = new BigUint64Array([Deno.UnsafePointer.value(Deno.UnsafePointer.of(string))]);
    services.ReportEventW(this.#source, type, 0, event, null, 1, 0, strings, null);
  }

  [Symbol.dispose](): void {
    if (this.#source !== null) services.DeregisterEventSource(this.#source);
  }
}
