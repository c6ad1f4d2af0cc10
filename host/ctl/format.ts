/**
 * Numbers and tables for people.
 *
 * @module
 */

import { printable } from "./printable.ts";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;
const SECONDS = { minute: 60, hour: 3600, day: 86_400 } as const;

/** `1.5 GiB` */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `3d 4h`, `4h 05m`, `5m 06s`, `7s` */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const part = (unit: number, per: number) => String(Math.floor(whole % per / unit));
  if (whole >= SECONDS.day) {
    return `${Math.floor(whole / SECONDS.day)}d ${part(SECONDS.hour, SECONDS.day)}h`;
  }
  if (whole >= SECONDS.hour) {
    return `${part(SECONDS.hour, SECONDS.day)}h ${part(60, SECONDS.hour).padStart(2, "0")}m`;
  }
  if (whole >= SECONDS.minute) {
    return `${part(60, SECONDS.hour)}m ${part(1, 60).padStart(2, "0")}s`;
  }
  return `${whole}s`;
}

/** Characters of a time in ISO 8601 up to a unit. */
const TIME_CHARACTERS = { minutes: 16, seconds: 19, milliseconds: 23 } as const;

/**
 * `2026-11-21 18:50:00`, in UTC, up to a unit; the number itself if it is no time that a calendar has.
 *
 * @param milliseconds Since 1970-01-01.
 */
export function timeText(milliseconds: number, upTo: keyof typeof TIME_CHARACTERS): string {
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return String(milliseconds);
  return date.toISOString().slice(0, TIME_CHARACTERS[upTo]).replace("T", " ");
}

/** Characters that take two columns: East Asian wide and emoji. Combining marks take none. */
const WIDE_REGEXP =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
const NO_WIDTH_REGEXP = /[\p{Mn}\p{Me}\u200b-\u200f\ufe0f]/u;

const columnsOf = (character: string) =>
  NO_WIDTH_REGEXP.test(character) ? 0 : WIDE_REGEXP.test(character) ? 2 : 1;

/** The number of terminal columns that a text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

/** The text in exactly this many columns: truncated with an ellipsis, or padded. */
export function fit(text: string, columns: number, align: "left" | "right" = "left"): string {
  const width = widthOf(text);
  if (width <= columns) {
    const space = " ".repeat(columns - width);
    return align === "left" ? text + space : space + text;
  }
  let cut = "";
  let used = 0;
  for (const character of text) {
    const next = used + columnsOf(character);
    if (next > columns - 1) break;
    cut += character;
    used = next;
  }
  return columns <= 0 ? "" : `${cut}…${" ".repeat(columns - 1 - used)}`;
}

/** `1 VM`, `2 VMs` */
export const countText = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`;

/** Rows under a heading, each column as wide as its widest cell. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows.map((row) => row.map(printable))];
  const widths = heading.map((_, column) =>
    Math.max(...all.map((row) => widthOf(row[column] ?? "")))
  );
  return all.map((row) =>
    widths.map((width, column) => fit(row[column] ?? "", width)).join("  ").trimEnd()
  ).join("\n");
}
