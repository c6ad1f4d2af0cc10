/**
 * Parses what journalctl(1) prints with `--output=json`.
 *
 * @module
 */

import * as z from "zod";
import { lazily } from "../../../base/lazily.ts";
import { fitText, jsonBytes } from "../../../base/json_text.ts";
import type { JournalEntry } from "../../../guest/logs.ts";

const MICROSECONDS = 1e6;
/** Bytes of JSON of an entry besides its texts: names, numbers, punctuation. */
const ENTRY_BYTES = 128;

const printedSchema = lazily(() => {
  /** Text, the bytes of what is not UTF-8, or several values. */
  const Field = z.union([z.string(), z.null(), z.array(z.union([z.number(), z.string()]))]);
  return z.object({
    __CURSOR: z.string(),
    __REALTIME_TIMESTAMP: z.string(),
    MESSAGE: z.optional(z.unknown()),
    PRIORITY: z.optional(Field),
    _SYSTEMD_UNIT: z.optional(Field),
    UNIT: z.optional(Field),
    SYSLOG_IDENTIFIER: z.optional(Field),
    _PID: z.optional(Field),
  });
});

/** The fields that journalctl is asked for besides those that it always prints. */
export const OUTPUT_FIELDS =
  "MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT,SYSLOG_IDENTIFIER,_PID,__CURSOR,__REALTIME_TIMESTAMP";

/** An entry, and the journal's own cursor for it. */
export interface PrintedEntry {
  readonly cursor: string;
  readonly entry: JournalEntry;
}

/** A line of journalctl's output; `undefined` if it is not an entry. */
export function parseEntry(line: string): PrintedEntry | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  const checked = z.safeParse(printedSchema(), parsed);
  if (!checked.success) return undefined;
  const { data } = checked;
  const [priority, pid] = [numberOf(data.PRIORITY), numberOf(data._PID)];
  // What the service manager says about a unit names it in UNIT.
  const unit = textOf(data.UNIT) ?? textOf(data._SYSTEMD_UNIT);
  const identifier = textOf(data.SYSLOG_IDENTIFIER);
  return {
    cursor: data.__CURSOR,
    entry: {
      time: Number(data.__REALTIME_TIMESTAMP) / MICROSECONDS,
      ...(priority === undefined ? {} : { priority }),
      ...(unit === undefined ? {} : { unit }),
      ...(identifier === undefined ? {} : { identifier }),
      ...(pid === undefined ? {} : { pid }),
      message: textOf(data.MESSAGE) ?? "",
    },
  };
}

/** A line that is too long to be parsed: only its cursor and its time are known. */
export function parseBeginning(beginning: string): PrintedEntry | undefined {
  const cursor = /"__CURSOR"\s*:\s*"([^"\\]+)"/.exec(beginning)?.[1];
  if (cursor === undefined) return undefined;
  const time = Number(/"__REALTIME_TIMESTAMP"\s*:\s*"(\d+)"/.exec(beginning)?.[1] ?? 0);
  // The text that arrived is the beginning of the message, unless other fields came before it.
  const message = /"MESSAGE"\s*:\s*"((?:[^"\\]|\\.)*)/.exec(beginning)?.[1] ?? "";
  return {
    cursor,
    entry: { time: time / MICROSECONDS, message: unescaped(message), cut: true },
  };
}

function unescaped(text: string): string {
  try {
    return String(JSON.parse(`"${text.replace(/\\u[0-9a-f]{0,3}$/i, "")}"`));
  } catch {
    return "";
  }
}

/** Bytes of JSON that an entry takes. */
export const entryBytes = ({ message, unit = "", identifier = "" }: JournalEntry): number =>
  ENTRY_BYTES + jsonBytes(message) + jsonBytes(unit) + jsonBytes(identifier);

/** The entry with as much of its message as fits. */
export function fitEntry(entry: JournalEntry, bytes: number): JournalEntry {
  const room = bytes - entryBytes({ ...entry, message: "" });
  return { ...entry, message: fitText(entry.message, Math.max(0, room)), cut: true };
}

function textOf(field: unknown): string | undefined {
  if (typeof field === "string") return field;
  if (!Array.isArray(field)) return undefined;
  // Numbers are the bytes of a value that is not UTF-8; texts are several values of one field.
  const [first] = field;
  if (typeof first === "string") return first;
  return new TextDecoder().decode(Uint8Array.from(field.map(Number)));
}

function numberOf(field: unknown): number | undefined {
  const text = textOf(field);
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
