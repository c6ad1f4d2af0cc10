/**
 * The pieces of a transfer in the log: those that follow each other have one line a second.
 *
 * A file of 500 MB is ten thousand requests. systemd's journal accepts as many lines in 30 s from a
 * service and drops the others, whatever they say (RateLimitBurst= in journald.conf(5)). In a guest under
 * TCG a line costs journald 3 ms of a processor, where its piece takes 15 to 20.
 *
 * @module
 */

import { Timer } from "../base/timer.ts";
import type { LogFields } from "../log/logger.ts";

const TOGETHER_MS = 1000;

/** Pieces since the last line. */
interface Run {
  readonly method: string;
  readonly path: string;
  count: number;
  /** The lowest and the highest offset, in bytes. */
  from: number;
  to: number;
  /** What the slowest took, in milliseconds. */
  longestMs: number;
}

/** Counts pieces of one file, one after another, until it is time for their line. */
export class LoggedPieces {
  readonly #write: (fields: LogFields) => void;
  readonly #togetherMs: number;
  #run: Run | undefined;
  #timer: Timer | undefined;

  /**
   * @param write Writes the line of several pieces.
   * @param togetherMs How often they have one, in milliseconds. @default {1000}
   */
  constructor(write: (fields: LogFields) => void, togetherMs = TOGETHER_MS) {
    this.#write = write;
    this.#togetherMs = togetherMs;
  }

  /**
   * Whether the request needs no line of its own, since the one before was for another piece of the
   * same file. Any other request first ends the pieces before it.
   */
  take(method: string, { code, path, offset }: LogFields, ms: number): boolean {
    const isPiece = code === undefined && typeof path === "string" && typeof offset === "number";
    const run = this.#run;
    if (isPiece && offset > 0 && run?.method === method && run.path === path) {
      run.from = run.count === 0 ? offset : Math.min(run.from, offset);
      run.to = Math.max(run.to, offset);
      run.longestMs = Math.max(run.longestMs, ms);
      run.count += 1;
      return true;
    }
    this.end();
    if (isPiece) {
      this.#run = { method, path, count: 0, from: 0, to: 0, longestMs: 0 };
      this.#timer = this.#startTimer();
    }
    return false;
  }

  /** Writes what was counted; the next piece has a line of its own. */
  end(): void {
    this.#timer?.stop();
    this.#flush();
    this.#run = undefined;
  }

  #startTimer(): Timer {
    return new Timer(this.#togetherMs, () => {
      if (this.#run?.count === 0) return this.end();
      this.#flush();
      this.#timer = this.#startTimer();
    });
  }

  #flush(): void {
    const run = this.#run;
    if (run === undefined || run.count === 0) return;
    const { method, path, count, from, to, longestMs } = run;
    this.#write({ method, count, longest_ms: longestMs, outcome: "ok", path, offset: from, to });
    run.count = 0;
    run.longestMs = run.to = 0;
  }
}
