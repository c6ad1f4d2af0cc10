/**
 * The jobs that an agent knows, running and ended. Their number, their output and their age are
 * bounded.
 *
 * @module
 */

import { messageOf } from "../../base/message_of.ts";
import { Timer } from "../../base/timer.ts";
import type { Log } from "../../log/logger.ts";
import type { Job } from "./job.ts";

/** The jobs by their ids, the oldest first. */
export class KeptJobs {
  readonly #log: Log;
  readonly #jobs = new Map<string, Job>();
  #expiry: Timer | undefined;
  #isStopped = false;

  constructor(log: Log) {
    this.#log = log;
  }

  get size(): number {
    return this.#jobs.size;
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** The oldest first. */
  list(): readonly Job[] {
    return [...this.#jobs.values()];
  }

  add(job: Job): void {
    this.#jobs.set(job.record.job_id, job);
  }

  /** Removes a job and its output. Never rejects. */
  async remove(job: Job): Promise<void> {
    const { job_id } = job.record;
    if (this.#jobs.get(job_id) === job) this.#jobs.delete(job_id);
    await job.remove().catch((error) => {
      this.#log.warn("a forgotten job cannot be removed", { job_id, error: messageOf(error) });
    });
  }

  /**
   * Forgets ended jobs, the oldest first, until there is room.
   *
   * @param hasRoom Looked at after each.
   */
  async forgetUntil(hasRoom: () => boolean): Promise<void> {
    for (const job of this.list()) {
      if (hasRoom()) return;
      if (!job.isRunning) await this.remove(job);
    }
  }

  /** Forgets the jobs whose time is over, now and from now on. */
  async forgetExpired(): Promise<void> {
    const now = Date.now();
    for (const job of this.list()) {
      if (expiresAt(job) <= now) await this.remove(job);
    }
    this.expireLater();
  }

  /** Looks again when the next job's time is over; call it when a job has ended. */
  expireLater(): void {
    this.#expiry?.stop();
    const next = Math.min(...this.list().map(expiresAt));
    if (next === Infinity || this.#isStopped) return;
    const forget = () => void this.forgetExpired();
    this.#expiry = new Timer(Math.max(0, next - Date.now()), forget, { lasting: true });
  }

  /**
   * Drops output until at most this much is left: that of the job that has been over longest, or
   * else of the one that has most.
   */
  async limitOutput(mostBytes: number): Promise<void> {
    const jobs = this.list().filter(({ output }) => output.storedBytes > 0);
    let total = jobs.reduce((sum, { output }) => sum + output.storedBytes, 0);
    while (total > mostBytes) {
      const withOutput = jobs.filter(({ output }) => output.storedBytes > 0);
      const victim = withOutput.find(({ isRunning }) => !isRunning) ??
        withOutput.toSorted((one, other) => other.output.storedBytes - one.output.storedBytes)[0];
      if (victim === undefined) return;
      const before = victim.output.storedBytes;
      await victim.output.dropOldest();
      total -= before - victim.output.storedBytes;
    }
  }

  /** Forgets nothing any more. */
  stop(): void {
    this.#isStopped = true;
    this.#expiry?.stop();
  }
}

/** When an ended job is forgotten, in milliseconds since 1970. */
function expiresAt({ record: { ended_at, keep_seconds } }: Job): number {
  return ended_at === undefined ? Infinity : Date.parse(ended_at) + keep_seconds * 1000;
}
