/**
 * The check of the event log.
 *
 * @module
 */

import { wide } from "../../../lib/platform/windows/ffi/wide.ts";
import { ERROR, lastError } from "../../../lib/platform/windows/ffi/windows_error.ts";
import { EventLog } from "../../../lib/platform/windows/service/event_log.ts";
import { advapi32 } from "./calls.ts";
import { type Check, requireThat } from "./check.ts";

/** EVENTLOG_SEQUENTIAL_READ | EVENTLOG_BACKWARDS_READ. */
const NEWEST_FIRST = 0x1 | 0x8;
const ERROR_HANDLE_EOF = 38;
const BUFFER_BYTES = 256 * 1024;

/** Whether the newest entries of the application log contain a text. */
function newestContain(text: string): boolean {
  const log = advapi32.OpenEventLogW(null, wide("Application"));
  if (log === null) throw lastError("OpenEventLogW");
  try {
    const entries = new Uint8Array(BUFFER_BYTES);
    const read = new Uint32Array(1);
    const needed = new Uint32Array(1);
    const isRead = advapi32.ReadEventLogW(
      log,
      NEWEST_FIRST,
      0,
      entries,
      entries.byteLength,
      read,
      needed,
    );
    if (isRead === 0) {
      const error = lastError("ReadEventLogW");
      if (error.code === ERROR_HANDLE_EOF || error.code === ERROR.NO_MORE_ITEMS) return false;
      throw error;
    }
    const found = new TextDecoder("utf-16le").decode(entries.subarray(0, read[0]));
    return found.includes(text);
  } finally {
    advapi32.CloseEventLog(log);
  }
}

/**
 * The check.
 *
 * @param source The source of the entry.
 */
export const eventLogCheck = (source: string): Check => ({
  name: "entries reach the application log",
  run: () => {
    const text = `Self-check ${crypto.randomUUID()}: this entry can be ignored.`;
    const log = new EventLog(source);
    using _log = log;
    log.record("started", text);
    requireThat(newestContain(text), "the entry is not in the log");
    return `from the source ${source}`;
  },
});
