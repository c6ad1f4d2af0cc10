/**
 * Connects this program's terminal with that of a job in a guest.
 *
 * @module
 */

import { UsageError } from "../../../lib/base/command_line.ts";
import { writeBytes } from "../../../lib/base/terminal.ts";
import type { RemoteJob } from "../../jobs/job.ts";
import { EscapeFilter } from "../escape.ts";
import { Interrupted } from "../explain.ts";
import { LineFeeds } from "../line_feeds.ts";
import type { Streamed } from "./_stream.ts";

const DEFAULT_SIZE = { rows: 24, cols: 80 } as const;
/** The sizes that a guest accepts. */
const MAX_SIZE = 1000;
const ENDING_SIGNALS = ["SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** @throws {UsageError} if standard input or output is no terminal. */
export function requireTerminal(): void {
  if (Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) return;
  throw new UsageError(
    "standard input and output must be a terminal; use exec without -t for pipes",
  );
}

/** The size of this terminal. */
export function terminalSize(): { rows: number; cols: number } {
  const within = (value: number) => Math.max(1, Math.min(MAX_SIZE, value));
  try {
    const { rows, columns } = Deno.consoleSize();
    return { rows: within(rows), cols: within(columns) };
  } catch {
    return DEFAULT_SIZE;
  }
}

/** Raw mode, from its construction until it is disposed of. */
class RawMode implements Disposable {
  readonly #restore = () => this[Symbol.dispose]();
  #isRaw = true;

  constructor() {
    // An uncaught error ends the process, and its message must be readable.
    addEventListener("error", this.#restore);
    addEventListener("unhandledrejection", this.#restore);
    Deno.stdin.setRaw(true);
  }

  [Symbol.dispose](): void {
    if (!this.#isRaw) return;
    this.#isRaw = false;
    removeEventListener("error", this.#restore);
    removeEventListener("unhandledrejection", this.#restore);
    try {
      Deno.stdin.setRaw(false);
    } catch {
      // The terminal is gone.
    }
  }
}

/** Passes the size of the terminal on, one change at a time: while it is dragged, the newest counts. */
class SizePasser {
  readonly #job: RemoteJob;
  #hasChanged = false;
  #isPassing = false;

  constructor(job: RemoteJob) {
    this.#job = job;
  }

  /** The size has changed. */
  pass(): void {
    this.#hasChanged = true;
    if (!this.#isPassing) void this.#passAll();
  }

  /** Makes a full-screen program draw everything again, as it does when the size changes. */
  async redraw(): Promise<void> {
    const { rows, cols } = terminalSize();
    await this.#job.resize(rows, Math.max(1, cols - 1));
    this.pass();
  }

  async #passAll(): Promise<void> {
    this.#isPassing = true;
    while (this.#hasChanged) {
      this.#hasChanged = false;
      const { rows, cols } = terminalSize();
      await this.#job.resize(rows, cols).catch(() => {});
    }
    this.#isPassing = false;
  }
}

/**
 * Passes keys, output and the size of the terminal on until the job ends.
 *
 * @returns `undefined` if the person left with `~.`.
 * @throws {Interrupted} if this program is asked to end.
 */
export async function attachTerminal(job: RemoteJob): Promise<Streamed | undefined> {
  const leaving = new AbortController();
  const raw = new RawMode();
  using _raw = raw;
  const onEnding = () => leaving.abort(new Interrupted("interrupted"));
  const size = new SizePasser(job);
  const onResize = () => size.pass();
  for (const signal of ENDING_SIGNALS) Deno.addSignalListener(signal, onEnding);
  Deno.addSignalListener("SIGWINCH", onResize);
  let hasLeft = false;
  void passKeys(job, () => {
    hasLeft = true;
    leaving.abort(new Interrupted("left"));
  });
  try {
    return await showOutput(job, size, leaving.signal);
  } catch (error) {
    if (hasLeft) return undefined;
    throw error;
  } finally {
    for (const signal of ENDING_SIGNALS) Deno.removeSignalListener(signal, onEnding);
    Deno.removeSignalListener("SIGWINCH", onResize);
  }
}

async function showOutput(
  job: RemoteJob,
  size: SizePasser,
  signal: AbortSignal,
): Promise<Streamed | undefined> {
  const feeds = new LineFeeds();
  let hasGap = false;
  for await (const part of job.output({ signal })) {
    if (part.kind === "data") writeBytes(Deno.stdout, feeds.protect(part.bytes));
    else if (part.kind === "end") return { end: part.end, hasGap };
    else {
      hasGap = true;
      await size.redraw();
    }
  }
  return undefined;
}

async function passKeys(job: RemoteJob, leave: () => void): Promise<void> {
  const input = job.input();
  const filter = new EscapeFilter();
  try {
    for await (const chunk of Deno.stdin.readable) {
      const { passed, leaves } = filter.take(chunk);
      if (passed.byteLength > 0) await input.write(passed);
      if (leaves) return leave();
      if (input.isClosed) return;
    }
    await input.end();
  } catch {
    // The output ends with the reason.
  }
}
