/**
 * Line feeds for a terminal in raw mode. Deno's raw mode leaves output processing on, so the terminal
 * would get a carriage return before each line feed, and a full-screen program that moves the cursor
 * straight down would find it in the first column.
 *
 * @module
 */

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** Does the same in the terminals of today (console_codes(4), xterm's ctlseqs), and is not processed. */
const VERTICAL_TAB = 0x0b;

/** Protects line feeds that do not follow a carriage return. */
export class LineFeeds {
  #last = 0;

  /** The bytes to write for bytes of the program; changes them in place. */
  protect(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) {
      const before = at === 0 ? this.#last : bytes[at - 1];
      if (before !== CARRIAGE_RETURN) bytes[at] = VERTICAL_TAB;
    }
    this.#last = bytes.at(-1) ?? this.#last;
    return bytes;
  }
}
