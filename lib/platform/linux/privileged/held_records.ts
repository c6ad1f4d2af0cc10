/**
 * The broker's record, kept in memory while file systems are frozen: whoever writes it down for us
 * may wait for a disk.
 *
 * @module
 */

const MAX_HELD = 1000;

/** A record that can be held back. */
export class HeldRecords {
  readonly #write: (line: string) => void;
  readonly #held: string[] = [];
  #isHeld = false;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** Whether lines are kept; they are written when this becomes false. */
  set isHeld(isHeld: boolean) {
    this.#isHeld = isHeld;
    if (!isHeld) { for (const line of this.#held.splice(0)) this.#write(line); }
  }

  /** Writes a line now or later. */
  write(line: string): void {
    if (!this.#isHeld) this.#write(line);
    else if (this.#held.length < MAX_HELD) this.#held.push(line);
  }
}
