/**
 * Switches the terminal to full-screen mode and back.
 *
 * @module
 */

import { writeBytes } from "../../lib/base/terminal.ts";
import type { Size } from "./render.ts";

/** The alternate screen, no cursor, no line wrapping (ctlseqs of xterm); and the reverse. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
/** Synchronized output (mode 2026): a frame appears as a whole. */
const BEGIN = "\x1b[?2026h\x1b[H";
const END = "\x1b[J\x1b[?2026l";
const END_OF_LINE = "\x1b[K\r\n";
const DEFAULT_SIZE: Size = { columns: 80, rows: 24 };

const encoder = new TextEncoder();

/** Full-screen mode, from {@link open} until it is disposed of. */
export class Screen implements Disposable {
  #shown = "";
  #isOpen = false;
  readonly #onFault = () => this.restore();
  readonly #onContinue = () => this.#enter();

  private constructor() {}

  /** Takes over the terminal; from now on input arrives key by key. */
  static open(): Screen {
    const screen = new Screen();
    screen.#isOpen = true;
    // An uncaught error ends the process, and its message must be readable.
    addEventListener("error", screen.#onFault);
    addEventListener("unhandledrejection", screen.#onFault);
    Deno.addSignalListener("SIGCONT", screen.#onContinue);
    screen.#enter();
    return screen;
  }

  /** The current size of the terminal. */
  get size(): Size {
    try {
      return Deno.consoleSize();
    } catch {
      return DEFAULT_SIZE;
    }
  }

  /** Shows lines from the top, in one write; an unchanged screen is not written again. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const text = `${BEGIN}${lines.join(END_OF_LINE)}\x1b[K${END}`;
    if (text === this.#shown) return;
    this.#shown = text;
    write(text);
  }

  /** Restores the terminal immediately. Calling it again does nothing. */
  restore(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    removeEventListener("error", this.#onFault);
    removeEventListener("unhandledrejection", this.#onFault);
    Deno.removeSignalListener("SIGCONT", this.#onContinue);
    write(LEAVE);
    try {
      Deno.stdin.setRaw(false);
    } catch {
      // The terminal is gone.
    }
  }

  [Symbol.dispose](): void {
    this.restore();
  }

  #enter(): void {
    if (!this.#isOpen) return;
    Deno.stdin.setRaw(true);
    this.#shown = "";
    write(ENTER);
  }
}

function write(text: string): void {
  try {
    writeBytes(Deno.stdout, encoder.encode(text));
  } catch {
    // The terminal is gone; the process ends by SIGHUP.
  }
}
