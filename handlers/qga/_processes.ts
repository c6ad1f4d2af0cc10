/**
 * Programs that guest-exec has started: running, or ended and not yet asked about. They outlive the
 * connection, since some clients use a new one for each command.
 *
 * @module
 */

import { commandFailed } from "../../lib/base/errors.ts";
import { Once } from "../../lib/base/memory/once.ts";
import { withTimer } from "../../lib/base/waiting.ts";
import type { CapturedOutput, Commands, RunOptions, RunResult } from "../../lib/guest/commands.ts";

/** Bounds of what is kept, so that the agent's memory stays bounded. */
export interface ProcessLimits {
  /** Programs that run at once. */
  readonly running: number;
  /** Ended programs that nobody has asked about. */
  readonly ended: number;
  /** How long those are kept, in milliseconds. */
  readonly keptMs: number;
  /** Bytes of output, kept or set aside for programs that run. */
  readonly outputBytes: number;
  /** Bytes of one stream of one program. */
  readonly streamBytes: number;
  /** Bytes of input of all programs that run: some may never read theirs. */
  readonly inputBytes: number;
}

/** Half of what is left goes to the next program, this at least. */
const MIN_STREAM_BYTES = 16 * 1024;
/** How long a program waits for another to end when too many run. */
const WAIT_MS = 3000;

/** The limits of an agent with 50 MiB. */
export const PROCESS_LIMITS: ProcessLimits = {
  running: 32,
  ended: 1000,
  keptMs: 3_600_000,
  outputBytes: 1024 * 1024,
  streamBytes: 256 * 1024,
  inputBytes: 1.5 * 1024 * 1024,
};

/** How a program ended; `failure` if it was found out late that it could not be run. */
export type Ended = { readonly result: RunResult } | { readonly failure: unknown };

interface Process {
  ended: Ended | undefined;
  endedAt: number;
  /** Bytes of output that it has or may get. */
  outputBytes: number;
}

/** What a program is started with; the table adds the limits. */
export type StartOptions =
  & Omit<RunOptions, "signal" | "maxOutputBytes" | "onStarted" | "input">
  & {
    readonly input?: Uint8Array<ArrayBuffer>;
    readonly isCaptured: boolean;
    /** The one stream whose output is kept; both by default. */
    readonly keeps?: "stdout" | "stderr";
  };

/** The table of processes. */
export class Processes {
  readonly #limits: ProcessLimits;
  readonly #stopping = new AbortController();
  /** By process id, the oldest first. */
  readonly #processes = new Map<number, Process>();
  readonly #running = new Set<Promise<void>>();
  #outputBytes = 0;
  #inputBytes = 0;

  constructor(limits: ProcessLimits = PROCESS_LIMITS) {
    this.#limits = limits;
  }

  /** How many are known. */
  get count(): number {
    return this.#processes.size;
  }

  /**
   * Starts a program; resolves to its process id.
   *
   * @throws {RpcError} if it cannot be started, or if too many run or wait with too much input.
   */
  async start(
    commands: Commands,
    { isCaptured, keeps, input, ...options }: StartOptions,
  ): Promise<number> {
    const inputBytes = input?.byteLength ?? 0;
    await this.#makeRoom(inputBytes);
    this.#inputBytes += inputBytes;
    const streamBytes = isCaptured ? this.#reserve() : 0;
    const process: Process = { ended: undefined, endedAt: 0, outputBytes: 2 * streamBytes };
    const started = Promise.withResolvers<number>();
    const running = commands.run({
      ...options,
      input: input && new Once(input),
      maxOutputBytes: streamBytes,
      signal: this.#stopping.signal,
      onStarted: (pid) => {
        this.#add(pid, process);
        started.resolve(pid);
      },
    }).then(
      (result) => this.#end(process, { result: trimmed(result, keeps) }),
      (failure) => {
        this.#end(process, { failure });
        // Without effect if it had started.
        started.reject(failure);
      },
    ).finally(() => {
      this.#inputBytes -= inputBytes;
      this.#running.delete(running);
    });
    this.#running.add(running);
    return await started.promise;
  }

  /**
   * How the process ended, after which it is forgotten; `undefined` if it runs.
   *
   * @throws {RpcError} for a process that is not known, or no longer.
   */
  take(pid: number): Ended | undefined {
    const process = this.#processes.get(pid);
    if (process === undefined) {
      throw commandFailed(
        `PID ${pid} does not exist: it was not started by guest-exec, or its end has been told`,
      );
    }
    if (process.ended === undefined) return undefined;
    this.#forget(pid, process);
    return process.ended;
  }

  /** Ends all programs. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
  }

  async #makeRoom(inputBytes: number): Promise<void> {
    const { ended, keptMs } = this.#limits;
    const oldest = performance.now() - keptMs;
    let surplus = this.#processes.size - this.#running.size - ended + 1;
    for (const [pid, process] of this.#processes) {
      if (process.ended === undefined) continue;
      if (surplus <= 0 && process.endedAt > oldest) break;
      this.#forget(pid, process);
      surplus -= 1;
    }
    if (this.#excess(inputBytes) === undefined) return;
    await withTimer(WAIT_MS, Promise.race(this.#running));
    const excess = this.#excess(inputBytes);
    if (excess !== undefined) throw commandFailed(excess);
  }

  /** Why another program cannot be started now; `undefined` if it can. */
  #excess(inputBytes: number): string | undefined {
    const { running, inputBytes: mostInput } = this.#limits;
    if (this.#running.size >= running) {
      return `${running} programs are running already, which is the most at once`;
    }
    return inputBytes > 0 && this.#inputBytes + inputBytes > mostInput && this.#inputBytes > 0
      ? `programs that run have ${this.#inputBytes} bytes of input, and with ${inputBytes} more ` +
        `it would be over ${mostInput}`
      : undefined;
  }

  /** Bytes for each stream of a new program; forgets ended programs if there is too little. */
  #reserve(): number {
    const { outputBytes, streamBytes } = this.#limits;
    for (const [pid, process] of this.#processes) {
      if (outputBytes - this.#outputBytes >= 2 * streamBytes) break;
      if (process.ended !== undefined && process.outputBytes > 0) this.#forget(pid, process);
    }
    const half = Math.floor((outputBytes - this.#outputBytes) / 4);
    const bytes = Math.max(MIN_STREAM_BYTES, Math.min(streamBytes, half));
    this.#outputBytes += 2 * bytes;
    return bytes;
  }

  /** The kernel gives a number again once its process is gone. */
  #add(pid: number, process: Process): void {
    const before = this.#processes.get(pid);
    if (before !== undefined) this.#forget(pid, before);
    this.#processes.set(pid, process);
  }

  #end(process: Process, ended: Ended): void {
    process.ended = ended;
    process.endedAt = performance.now();
    const kept = "result" in ended
      ? ended.result.stdout.bytes.byteLength + ended.result.stderr.bytes.byteLength
      : 0;
    this.#outputBytes += kept - process.outputBytes;
    process.outputBytes = kept;
  }

  #forget(pid: number, process: Process): void {
    this.#outputBytes -= process.outputBytes;
    this.#processes.delete(pid);
  }
}

const NOTHING: CapturedOutput = { bytes: new Uint8Array(0), truncated: false };

/** The result without what its buffers have beyond the output: it may be kept for an hour. */
const trimmed = (
  { stdout, stderr, ...rest }: RunResult,
  keeps: StartOptions["keeps"],
): RunResult => ({
  ...rest,
  stdout: keeps === "stderr" ? NOTHING : { ...stdout, bytes: stdout.bytes.slice() },
  stderr: keeps === "stdout" ? NOTHING : { ...stderr, bytes: stderr.bytes.slice() },
});
