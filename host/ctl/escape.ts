/**
 * The escape character of a terminal session, as ssh(1) has it: `~.` at the beginning of a line
 * leaves, and `~~` is one `~`.
 *
 * @module
 */

const TILDE = 0x7e;
const DOT = 0x2e;
const LINE_ENDS: readonly number[] = [0x0d, 0x0a];

/** Looks for the escape in what is typed. */
export class EscapeFilter {
  #isLineStart = true;
  /** A tilde that may be the beginning of an escape. */
  #hasTilde = false;

  /** What to pass on of these bytes, and whether the person wants to leave. */
  take(bytes: Uint8Array): { readonly passed: Uint8Array<ArrayBuffer>; readonly leaves: boolean } {
    const passed: number[] = [];
    for (const byte of bytes) {
      if (this.#hasTilde) {
        this.#hasTilde = false;
        if (byte === DOT) return { passed: Uint8Array.from(passed), leaves: true };
        passed.push(TILDE);
        this.#isLineStart = false;
        if (byte === TILDE) continue;
      }
      if (byte === TILDE && this.#isLineStart) {
        this.#hasTilde = true;
        continue;
      }
      this.#isLineStart = LINE_ENDS.includes(byte);
      passed.push(byte);
    }
    return { passed: Uint8Array.from(passed), leaves: false };
  }
}
