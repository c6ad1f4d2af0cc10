/**
 * Reads the output of a job ahead of what is requested.
 *
 * While the host handles a piece, the next two are read and encoded: the second one because reading
 * takes about as long as the host needs. A piece stays valid whatever happens to the job, since its
 * output only grows. One job at a time, because pieces take memory.
 *
 * @module
 */

import type { Job } from "../../lib/core/jobs/job.ts";
import type { Jobs } from "../../lib/core/jobs/jobs.ts";
import type { SpoolReadOptions } from "../../lib/guest/state.ts";
import { encodeBase64Output, type OutputRun, releaseOutput } from "./_output.ts";

/** How many pieces are prepared for a host that reads one after another. */
const MAX_READY = 2;

/** A part of a job's output, in base64. */
export interface OutputPiece {
  readonly position: number;
  /** As in the request that it was read for. */
  readonly requested: number | undefined;
  readonly maxBytes: number;
  readonly runs: readonly OutputRun[];
  /** As in a `SpoolPiece`. */
  readonly begin: number;
  readonly next: number;
  readonly lost: number;
}

/** What is requested. */
export interface OutputRequest {
  readonly job: Job;
  readonly position: number;
  /** The limit in the request: a piece that was cut for another one is of no use. */
  readonly requested: number | undefined;
  /** What that limit, and the room in the answer, allow. */
  readonly options: SpoolReadOptions;
}

const all = new WeakMap<Jobs, OutputAhead>();

/** The pieces of these jobs. */
export function outputAheadOf(jobs: Jobs): OutputAhead {
  const found = all.get(jobs) ?? new OutputAhead();
  all.set(jobs, found);
  return found;
}

/** The pieces that are probably requested next. */
export class OutputAhead {
  #job: Job | undefined;
  /** In order, without gaps. */
  #ready: OutputPiece[] = [];
  #reading: Promise<void> | undefined;
  /** Whether the last piece had been read ahead. */
  #isSequential = false;
  /** Counts what was dropped: what was read before is not followed by anything any more. */
  #era = 0;

  /** Whether there are any. */
  get isReady(): boolean {
    return this.#ready.length > 0;
  }

  /** The piece, if it was read ahead with the same limit and fits. */
  take({ job, position, requested, options }: OutputRequest): OutputPiece | undefined {
    const [piece] = this.#ready;
    const isIt = piece?.position === position && piece.requested === requested &&
      piece.maxBytes <= options.maxBytes && this.#job === job;
    if (!isIt) return undefined;
    this.#ready.shift();
    this.#isSequential = true;
    return piece;
  }

  /**
   * Reads a piece, which may have been read ahead. Once its output has been released, those after it
   * are read.
   *
   * @param later How those after it are read.
   */
  async read(request: OutputRequest, later: SpoolReadOptions): Promise<OutputPiece> {
    // Perhaps it is being read.
    if (!this.isReady) await this.#reading;
    const found = this.take(request);
    if (found !== undefined) return found;
    this.#dropAll();
    return await this.#read(request, later);
  }

  #dropAll(): void {
    const dropped = this.#ready;
    this.#ready = [];
    this.#isSequential = false;
    this.#era += 1;
    for (const { runs } of dropped) releaseOutput(runs);
  }

  async #read(
    { job, position, requested, options }: OutputRequest,
    later: SpoolReadOptions,
  ): Promise<OutputPiece> {
    const era = this.#era;
    const piece = await job.output.read(position, options);
    const { begin, next, lost } = piece;
    const runs = encodeBase64Output(piece, () => {
      if (era === this.#era) this.#onSent({ job, position: next, requested, options: later });
    });
    return { position, requested, maxBytes: options.maxBytes, runs, begin, next, lost };
  }

  #onSent(next: OutputRequest): void {
    const [first] = this.#ready;
    const isExpected = this.#job === next.job &&
      (first?.position ?? next.position) === next.position;
    if (!isExpected) this.#dropAll();
    this.#job = next.job;
    this.#reading ??= this.#readOn(next).catch(() => {}).finally(() => this.#reading = undefined);
  }

  async #readOn({ job, position, requested, options }: OutputRequest): Promise<void> {
    const era = this.#era;
    let next = this.#ready.at(-1)?.next ?? position;
    while (this.#ready.length < (this.#isSequential ? MAX_READY : 1)) {
      // A running job may soon have more for one piece than there is now.
      const left = job.output.end - next;
      if (left <= 0 || job.isRunning && left < options.maxBytes) return;
      const request = { job, position: next, requested, options };
      const piece = await this.#read(request, options);
      if (era !== this.#era) return releaseOutput(piece.runs);
      this.#ready.push(piece);
      next = piece.next;
    }
  }
}
