/**
 * Collects lines from bytes until an answer is full.
 *
 * @module
 */

import { countGarbage } from "../../../base/memory/garbage.ts";
import { jsonBytes } from "../../../base/json_text.ts";
import type { LogLimits } from "../../../guest/logs.ts";

const NEWLINE = 0x0a;
/** Bytes of JSON of a line besides its text: quotes and a comma. */
const LINE_BYTES = 3;
/** What a line leaves for the garbage collector: its text several times, and objects (measured). */
const LINE_GARBAGE = { factor: 6, bytes: 160 } as const;

/** How the bytes end that a collector takes. */
export interface TakeOptions {
  /** Whether to take an unfinished last line, and whether its rest may follow. */
  readonly rest: "leave" | "complete" | "cut";
}

/** The lines of an answer. Bytes that are not UTF-8 become U+FFFD. */
export class LineCollector {
  readonly lines: string[] = [];
  readonly #limits: LogLimits;
  #left: number;
  #isCut = false;
  #isFull = false;

  constructor(limits: LogLimits) {
    this.#limits = limits;
    this.#left = limits.jsonBytes;
  }

  /** Whether no more lines fit. */
  get isFull(): boolean {
    return this.#isFull || this.lines.length >= this.#limits.lines;
  }

  /** Whether the last line is incomplete. Nothing may be taken after it. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Takes as many lines as fit; returns how many of the bytes were taken. */
  take(bytes: Uint8Array, { rest }: TakeOptions): number {
    let taken = 0;
    while (!this.isFull && taken < bytes.byteLength) {
      const end = bytes.indexOf(NEWLINE, taken);
      if (end < 0 && rest === "leave") break;
      const line = bytes.subarray(taken, end < 0 ? bytes.byteLength : end);
      const isWhole = this.#add(line, end >= 0 || rest === "complete");
      if (isWhole) taken += line.byteLength + (end < 0 ? 0 : 1);
      else if (this.#isCut) taken += this.#cutLength;
    }
    return taken;
  }

  #cutLength = 0;

  /** Adds a line, or a piece of it if it would not fit an answer alone; returns if it is whole. */
  #add(line: Uint8Array, isComplete: boolean): boolean {
    countGarbage(LINE_GARBAGE.factor * line.byteLength + LINE_GARBAGE.bytes);
    const text = new TextDecoder().decode(line);
    const cost = jsonBytes(text) + LINE_BYTES;
    if (cost <= this.#left) {
      this.lines.push(text);
      this.#left -= cost;
      if (!isComplete) this.#cut(line.byteLength);
      return isComplete;
    }
    this.#isFull = true;
    if (this.lines.length > 0) return false;
    this.#addPiece(line);
    return false;
  }

  #addPiece(line: Uint8Array): void {
    let length = Math.min(line.byteLength, this.#left);
    for (;;) {
      const piece = line.subarray(0, characterBoundary(line, length));
      const text = new TextDecoder().decode(piece);
      // One character is always taken, or the reader would never get past it.
      if (jsonBytes(text) + LINE_BYTES <= this.#left || length <= 4) {
        this.lines.push(text);
        return this.#cut(piece.byteLength);
      }
      length = Math.ceil(length / 2);
    }
  }

  #cut(length: number): void {
    this.#isCut = this.#isFull = true;
    this.#cutLength = length;
  }
}

/** The end of the last character that begins before `length` and does not go beyond it. */
function characterBoundary(bytes: Uint8Array, length: number): number {
  if (length >= bytes.byteLength) return length;
  // UTF-8 has at most three continuation bytes.
  for (let back = 0; back <= 3 && length - back > 0; back++) {
    if (((bytes[length - back] ?? 0) & 0xc0) !== 0x80) return length - back;
  }
  return length;
}
