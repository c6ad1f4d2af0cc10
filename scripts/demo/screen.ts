/**
 * The demo's output: headings, requests and answers, in colour where the terminal supports it.
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
/** The column of the text after an arrow. */
const COLUMN = INDENT + 2;

/** A duration with as many digits as a person cares about. */
export const inMilliseconds = (ms: number): string =>
  ms < 10
    ? `${ms.toFixed(1)} ms`
    : ms < 1000
    ? `${ms.toFixed(0)} ms`
    : `${(ms / 1000).toFixed(2)} s`;

/** Whether to print colour: https://no-color.org, https://force-color.org. */
export function hasColour(): boolean {
  const isSet = (name: string) => (Deno.env.get(name) ?? "") !== "";
  if (isSet("NO_COLOR")) return false;
  return isSet("FORCE_COLOR") || Deno.stdout.isTerminal();
}

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

  /** @param isColoured Whether to print escape sequences for colour. */
  constructor(isColoured: boolean) {
    this.#isColoured = isColoured;
  }

  /** Suppresses all further output. */
  silence(): void {
    this.#isSilent = true;
  }

  /** Prints the heading of the next step. */
  step(heading: string): void {
    this.#steps += 1;
    const number = `${this.#steps}`.padStart(2);
    this.#print(`\n${this.#paint("bold", `${number} ${heading}`)}`);
  }

  /** Prints a request. */
  request(method: string, params?: unknown): void {
    const json = params === undefined ? "" : this.#json(params, method);
    this.#print(`${this.#arrow("cyan", "→")} ${this.#paint("cyan", method)}${json}`);
  }

  /** Prints a result and how many milliseconds it took. */
  result(result: unknown, ms: number): void {
    this.#print(
      `${this.#arrow("green", "←")} ${compactJson(result, COLUMN, this.#width)}${this.#took(ms)}`,
    );
  }

  /** Prints an error answer and how many milliseconds it took. */
  error(error: { code: number; message: string; data: unknown }, ms: number): void {
    const title = `${error.code} ${error.message}`;
    const json = this.#json(error.data, title);
    this.#print(`${this.#arrow("red", "←")} ${this.#paint("red", title)}${json}${this.#took(ms)}`);
  }

  /** Prints a raw line of the protocol. */
  wire(direction: "sent" | "received", line: string): void {
    const arrow = direction === "sent" ? this.#arrow("cyan", "→") : this.#arrow("green", "←");
    this.#print(`${arrow} ${line}`);
  }

  /** Prints a remark, dimmed. */
  remark(text: string): void {
    this.#print(`${" ".repeat(INDENT)}${this.#paint("dim", text)}`);
  }

  /** Prints text as it is. */
  line(text: string, style?: keyof typeof COLOURS): void {
    this.#print(style === undefined ? text : this.#paint(style, text));
  }

  /** JSON after a title: on the same line if it fits, otherwise below. */
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
      // `deno task demo | head`: the reader has gone.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      this.silence();
    }
  }
}
