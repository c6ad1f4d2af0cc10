/**
 * The progress bar of a transfer.
 *
 * @module
 */

import { writeBytes } from "../../lib/base/terminal.ts";
import { bytesText, durationText, fit, widthOf } from "./format.ts";
import { printable } from "./printable.ts";

const REDRAW_MS = 100;
const DEFAULT_COLUMNS = 80;
const MAX_BAR_COLUMNS = 30;
/** The half-life of a sample in the average rate. */
const HALF_LIFE_SECONDS = 2;

/** The state of a transfer at one moment. */
export interface Progress {
  readonly name: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
}

/** One line of exactly `columns` columns. */
export function progressLine(
  { name, doneBytes, totalBytes, bytesPerSecond }: Progress,
  columns: number,
): string {
  const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes);
  const left = (totalBytes - doneBytes) / bytesPerSecond;
  const time = doneBytes >= totalBytes
    ? "done"
    : bytesPerSecond > 0 && Number.isFinite(left)
    ? `${durationText(left)} left`
    : "";
  const numbers = `${`${Math.floor(share * 100)}%`.padStart(4)} ${
    bytesText(doneBytes).padStart(9)
  } ${`${bytesText(bytesPerSecond)}/s`.padStart(11)} ${time}`;
  const room = columns - widthOf(numbers) - 1;
  const barColumns = Math.min(MAX_BAR_COLUMNS, Math.floor(room / 2));
  if (barColumns < 5) return fit(numbers, columns);
  const full = Math.round(share * (barColumns - 2));
  const bar = `[${"#".repeat(full)}${" ".repeat(barColumns - 2 - full)}]`;
  return fit(`${fit(printable(name), room - barColumns - 1)} ${bar} ${numbers}`, columns);
}

/** Draws the line on standard error if that is a terminal. */
export class ProgressBar implements Disposable {
  readonly #isShown: boolean;
  readonly #encoder = new TextEncoder();
  #drawnAt = 0;
  #last: { readonly at: number; readonly bytes: number } | undefined;
  #rate = 0;

  constructor(readonly name: string, { isQuiet }: { readonly isQuiet: boolean }) {
    this.#isShown = !isQuiet && Deno.stderr.isTerminal();
  }

  /** Takes the current state; draws at most every 0.1 s. */
  readonly update = (doneBytes: number, totalBytes: number): void => {
    if (!this.#isShown) return;
    const now = performance.now();
    const isEnd = doneBytes >= totalBytes;
    if (!isEnd && now - this.#drawnAt < REDRAW_MS) return;
    this.#measure(now, doneBytes);
    this.#drawnAt = now;
    const progress = { name: this.name, doneBytes, totalBytes, bytesPerSecond: this.#rate };
    this.#write(`\r${progressLine(progress, columnsOfTerminal())}`);
  };

  #measure(now: number, bytes: number): void {
    const last = this.#last;
    this.#last = { at: now, bytes };
    if (last === undefined || now === last.at) return;
    const seconds = (now - last.at) / 1000;
    const rate = (bytes - last.bytes) / seconds;
    const weight = this.#rate === 0 ? 0 : 0.5 ** (seconds / HALF_LIFE_SECONDS);
    this.#rate = this.#rate * weight + rate * (1 - weight);
  }

  #write(text: string): void {
    writeBytes(Deno.stderr, this.#encoder.encode(text));
  }

  [Symbol.dispose](): void {
    if (this.#isShown && this.#drawnAt > 0) this.#write("\n");
    this.#drawnAt = 0;
  }
}

function columnsOfTerminal(): number {
  try {
    // The last column stays free: some terminals wrap once it is written to.
    return Deno.consoleSize().columns - 1;
  } catch {
    return DEFAULT_COLUMNS;
  }
}
