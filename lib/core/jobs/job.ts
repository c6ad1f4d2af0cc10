/**
 * One job: a command that runs in the background, and its output.
 *
 * @module
 */

import type { CommandEnd, OutputStream, StartedCommand } from "../../guest/commands.ts";
import type { Spool, StateFolder } from "../../guest/state.ts";
import { JobInput } from "./input.ts";
import type { JobRecord } from "./record.ts";
import { utcTime } from "../../base/utc_time.ts";

/** The name of the file with the job's record, and of the spool with its output. */
export const FILES = { record: "job.json", output: "output" } as const;

/** How the streams are marked in the spool. */
const KINDS: Readonly<Record<OutputStream, number>> = { stdout: 1, stderr: 2, tty: 3 };

/** The stream with a mark. */
export const streamOf = (kind: number): OutputStream =>
  kind === KINDS.stdout ? "stdout" : kind === KINDS.stderr ? "stderr" : "tty";

/** A job, whatever its state. */
export class Job {
  readonly output: Spool;
  readonly #folder: StateFolder;
  readonly #waiters = new Set<() => void>();
  #record: JobRecord;
  #command: StartedCommand | undefined;
  #input: JobInput | undefined;
  #saving: Promise<void> = Promise.resolve();
  /** Bytes of output that could not be kept. */
  #unkept = 0;

  constructor(record: JobRecord, folder: StateFolder, output: Spool) {
    this.#record = record;
    this.#folder = folder;
    this.output = output;
  }

  get record(): JobRecord {
    return this.#record;
  }

  get isRunning(): boolean {
    return this.#record.state === "running";
  }

  /** The command, while it runs. */
  get command(): StartedCommand | undefined {
    return this.isRunning ? this.#command : undefined;
  }

  /** Its input; absent for a job of an earlier run of the agent. */
  get input(): JobInput | undefined {
    return this.#input;
  }

  /** Bytes of output that could not be kept, as on a full disk. */
  get unkeptBytes(): number {
    return this.#unkept;
  }

  /** Connects the job with its command. */
  attach(command: StartedCommand): void {
    this.#command = command;
    this.#input = new JobInput(command, () => this.#notify());
    this.#record = { ...this.#record, pid: command.pid };
  }

  /** Keeps output; returns whether that succeeded. */
  async keep(stream: OutputStream, bytes: Uint8Array): Promise<boolean> {
    const isKept = await this.output.append(KINDS[stream], bytes, bytes.byteLength);
    if (!isKept) this.#unkept += bytes.byteLength;
    this.#notify();
    return isKept;
  }

  /** Records the end; `lost` if it is the agent that ends. */
  async end({ code, signal, endedBy }: CommandEnd): Promise<void> {
    const ended_at = utcTime();
    this.#input?.close();
    this.#record = endedBy === "cancellation" ? { ...this.#record, state: "lost", ended_at } : {
      ...this.#record,
      state: "ended",
      ended_at,
      exit_code: code,
      ...(signal === null ? {} : { signal }),
      ended_by: endedBy,
    };
    this.#command = undefined;
    await this.output.close();
    this.#notify();
  }

  /**
   * Writes the record to the state; saves happen in order.
   *
   * @throws The reason why it cannot be written.
   */
  save(): Promise<void> {
    const saved = this.#saving.then(() =>
      this.#folder.writeText(FILES.record, JSON.stringify(this.#record))
    );
    this.#saving = saved.catch(() => {});
    return saved;
  }

  /** Removes the job's output and record. */
  async remove(): Promise<void> {
    await this.#saving;
    await this.output.close();
    await this.#folder.remove();
  }

  /** Resolves once the condition holds, which is examined at each change, or on abort. */
  async until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    while (!condition() && !signal.aborted) await this.#change(signal);
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const changed = () => {
        this.#waiters.delete(changed);
        signal.removeEventListener("abort", changed);
        resolve();
      };
      this.#waiters.add(changed);
      signal.addEventListener("abort", changed, { once: true });
    });
  }

  #notify(): void {
    for (const changed of [...this.#waiters]) changed();
  }
}
