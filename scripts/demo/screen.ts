/**
 * What the demo shows and how: headings, requests, answers; in colour where the terminal has it.
 *
 * @module
 */

import { printLine } from "../../lib/base/terminal.ts";
import { compactJson } from "./compact_json.ts";

const COLOURS = { bold: 1, dim: 2, red: 31, green: 32, cyan: 36 } as const;
const DEFAULT_WIDTH = 100;
const LEAST_WIDTH = 60;
const MOST_WIDTH = 120;
const INDENT = 3;
/** Where the text after an arrow begins. */
const COLUMN = INDENT + 2;

/** How long something took, with as many digits as a person reads. */
export const inMilliseconds = (ms: number): string =>
  ms < 10
    ? `${ms.toFixed(1)} ms`
    : ms < 1000
    ? `${ms.toFixed(0)} ms`
    : `${(ms / 1000).toFixed(2)} s`;

/** Whether standard output takes colour (https://no-color.org). */
export const hasColour = (): boolean =>
  Deno.stdout.isTerminal() && (Deno.env.get("NO_COLOR") ?? "") === "";

function terminalWidth(): number {
  if (!Deno.stdout.isTerminal()) return DEFAULT_WIDTH;
  try {
    return Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, Deno.consoleSize().columns - 1));
  } catch {
    return DEFAULT_WIDTH;
  }
}

/** The demo's output. */
export class Screen {
  readonly #width = terminalWidth();
  readonly #isColoured: boolean;
  #steps = 0;
  #isSilent = false;

  /** @param isColoured Whether escape sequences may be printed. */
  constructor(isColoured: boolean) {
    this.#isColoured = isColoured;
  }

  /** Prints no more from now on. */
  silence(): void {
    this.#isSilent = true;
  }

  /** Begins a step; `notice` says what to look at. */
  step(notice: string): void {
    this.#steps += 1;
    const number = `${this.#steps}`.padStart(2);
    this.#print(`\n${this.#paint("bold", `${number} ${notice}`)}`);
  }

  /** A request as it is sent. */
  request(method: string, params?: unknown): void {
    const json = params === undefined ? "" : this.#json(params, method);
    this.#print(`${this.#arrow("cyan", "→")} ${this.#paint("cyan", method)}${json}`);
  }

  /** A result, and the milliseconds it took. */
  result(result: unknown, ms: number): void {
    this.#print(
      `${this.#arrow("green", "←")} ${compactJson(result, COLUMN, this.#width)}${this.#took(ms)}`,
    );
  }

  /** An error answer. */
  error(error: { code: number; message: string; data: unknown }, ms: number): void {
    const title = `${error.code} ${error.message}`;
    const json = this.#json(error.data, title);
    this.#print(`${this.#arrow("red", "←")} ${this.#paint("red", title)}${json}${this.#took(ms)}`);
  }

  /** A line as it is on the wire. */
  wire(direction: "sent" | "received", line: string): void {
    const arrow = direction === "sent" ? this.#arrow("cyan", "→") : this.#arrow("green", "←");
    this.#print(`${arrow} ${line}`);
  }

  /** A remark, apart from requests and answers. */
  remark(text: string): void {
    this.#print(`${" ".repeat(INDENT)}${this.#paint("dim", text)}`);
  }

  /** A line of its own. */
  line(text: string, style?: keyof typeof COLOURS): void {
    this.#print(style === undefined ? text : this.#paint(style, text));
  }

  /** JSON after a title: behind it where it fits, else on lines of its own. */
  #json(value: unknown, title: string): string {
    const column = COLUMN + title.length + 1;
    const behind = compactJson(value, column, this.#width);
    return behind.includes("\n") || column + behind.length > this.#width
      ? `\n${" ".repeat(COLUMN)}${compactJson(value, COLUMN, this.#width)}`
      : ` ${behind}`;
  }

  #took(ms: number): string {
    return this.#paint("dim", `  ${inMilliseconds(ms)}`);
  }

  #arrow(colour: keyof typeof COLOURS, arrow: string): string {
    return " ".repeat(INDENT) + this.#paint(colour, arrow);
  }

  #paint(style: keyof typeof COLOURS, text: string): string {
    return this.#isColoured ? `\x1b[${COLOURS[style]}m${text}\x1b[0m` : text;
  }

  #print(text: string): void {
    if (this.#isSilent) return;
    try {
      printLine(text);
    } catch (error) {
      // `deno task demo | head`: nobody watches any more.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      this.silence();
    }
  }
}
