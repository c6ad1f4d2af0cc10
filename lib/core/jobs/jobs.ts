/**
 * The jobs of an agent: they are started, found again after a restart, and forgotten.
 *
 * @module
 */

import {
  agentStopping,
  commandFailed,
  invalidParams,
  notFound,
  tooManyRequests,
} from "../../base/errors.ts";
import { messageOf } from "../../base/message_of.ts";
import { utcTime } from "../../base/utc_time.ts";
import type { Guest } from "../../guest/guest.ts";
import type { OutputStream } from "../../guest/commands.ts";
import type { SpoolLimits, StateFolder } from "../../guest/state.ts";
import type { Log } from "../../log/logger.ts";
import type { Job } from "./job.ts";
import { createJob, restoreJob } from "./job_folder.ts";
import { KeptJobs } from "./kept_jobs.ts";
import type { JobLimits, NewJob } from "./new_job.ts";
import type { JobRecord } from "./record.ts";

const MIB = 1024 * 1024;
/** Output after which the total is looked at again. */
const CHECK_BYTES = 64 * 1024;

const outputLimit = ({ max_output_mb }: JobLimits): SpoolLimits => ({ bytes: max_output_mb * MIB });

/** Gets told about jobs; see {@link Jobs.observe}. */
export type JobObserver = (what: "started" | "ended" | "lost", record: JobRecord) => void;

/** All jobs, running and ended. */
export class Jobs {
  readonly #guest: Guest;
  readonly #log: Log;
  readonly #jobs: KeptJobs;
  readonly #starting = new Map<string, Promise<Job>>();
  readonly #stopping = new AbortController();
  readonly #ending = new Set<Promise<void>>();
  readonly #observers: JobObserver[] = [];
  #restored: Promise<void> | undefined;
  #uncheckedBytes = 0;

  constructor({ guest, log }: { readonly guest: Guest; readonly log: Log }) {
    this.#guest = guest;
    this.#log = log;
    this.#jobs = new KeptJobs(log);
  }

  /** Calls the observer for each job that starts, ends or was lost. */
  observe(observer: JobObserver): void {
    this.#observers.push(observer);
  }

  get #folder(): StateFolder {
    return this.#guest.state.root.folder("jobs");
  }

  /** Finds the jobs of the agent's earlier runs; happens once. Never rejects. */
  restore(limits: JobLimits): Promise<void> {
    return this.#restored ??= this.#restore(limits);
  }

  async #restore(limits: JobLimits): Promise<void> {
    try {
      const found: Job[] = [];
      for (const name of await this.#folder.folders()) {
        const job = await this.#restoreOne(name, limits);
        if (job !== undefined) found.push(job);
      }
      found.sort((one, other) => one.record.started_at < other.record.started_at ? -1 : 1);
      for (const job of found) this.#jobs.add(job);
      await this.#jobs.forgetExpired();
      await this.#limitOutput(limits);
    } catch (error) {
      this.#log.warn("the jobs of the agent's last run cannot be read", {
        error: messageOf(error),
      });
    }
  }

  async #restoreOne(name: string, limits: JobLimits): Promise<Job | undefined> {
    const job = await restoreJob(this.#folder.folder(name), name, outputLimit(limits));
    if (job?.isRunning !== true) return job;
    await job.end({ code: -1, signal: null, endedBy: "cancellation", isStuck: false });
    await this.#save(job);
    this.#tell("lost", job);
    return job;
  }

  /**
   * Starts a job, or finds the one that was started by the same request.
   *
   * @throws {RpcError} -32602 if another request has used the id, -32004 if too many run, and
   * everything that starting a command throws.
   */
  async start(request: NewJob): Promise<{ readonly job: Job; readonly isNew: boolean }> {
    await this.restore(request.limits);
    if (this.#stopping.signal.aborted) throw agentStopping();
    await this.#jobs.forgetExpired();
    const { id, fingerprint } = request;
    const starting = this.#starting.get(id);
    const existing = starting === undefined ? this.#jobs.get(id) : await starting;
    if (existing !== undefined) {
      if (existing.record.fingerprint === fingerprint) return { job: existing, isNew: false };
      throw invalidParams(
        `job_id ${id} belongs to a job with other parameters; choose another id, or forget that job`,
        { params: ["job_id"] },
      );
    }
    const started = this.#start(request).finally(() => this.#starting.delete(id));
    this.#starting.set(id, started);
    return { job: await started, isNew: true };
  }

  async #start(request: NewJob): Promise<Job> {
    const { id, limits, timeoutSeconds, keepSeconds } = request;
    const running = this.#running.length + this.#starting.size;
    if (running >= limits.max_running) {
      throw tooManyRequests(
        `${running} jobs are running, the most that jobs.max_running allows`,
        { max_running: limits.max_running },
      );
    }
    await this.#jobs.forgetUntil(() => this.#hasRoom(id, limits));
    const job = await createJob(this.#folder.folder(id), {
      job_id: id,
      instance: crypto.getRandomValues(new Uint8Array(8)).toHex(),
      fingerprint: request.fingerprint,
      state: "running",
      command: request.command,
      has_terminal: request.hasTerminal,
      timeout_seconds: timeoutSeconds,
      keep_seconds: keepSeconds,
      started_at: utcTime(),
    }, outputLimit(limits));
    // Before the command runs: whatever happens then, the job is not forgotten.
    await this.#save(job);
    try {
      const command = await request.start({
        timeoutMs: timeoutSeconds * 1000,
        signal: this.#stopping.signal,
        onOutput: (stream, bytes) => this.#keep(job, stream, bytes, limits),
      });
      job.attach(command);
      this.#jobs.add(job);
      const ending = command.ended.then(async (end) => {
        await job.end(end);
        await this.#save(job);
        this.#jobs.expireLater();
        this.#tell(job.record.state === "lost" ? "lost" : "ended", job);
      }).finally(() => this.#ending.delete(ending));
      this.#ending.add(ending);
    } catch (error) {
      await job.remove().catch(() => {});
      throw error;
    }
    job.input?.accept(request.input);
    void this.#save(job);
    this.#tell("started", job);
    return job;
  }

  async #keep(job: Job, stream: OutputStream, bytes: Uint8Array, limits: JobLimits) {
    const isFirstLoss = job.unkeptBytes === 0;
    const isKept = await job.keep(stream, bytes);
    if (!isKept && isFirstLoss) {
      this.#log.warn("output of a job cannot be kept; readers are told how much is lost", {
        job_id: job.record.job_id,
      });
    }
    this.#uncheckedBytes += bytes.byteLength;
    if (this.#uncheckedBytes < CHECK_BYTES) return;
    this.#uncheckedBytes = 0;
    await this.#limitOutput(limits);
  }

  async #limitOutput({ max_total_output_mb }: JobLimits): Promise<void> {
    await this.#jobs.limitOutput(
      Math.min(max_total_output_mb * MIB, this.#guest.state.capacityBytes),
    );
  }

  /** Whether one more job fits beside those that are starting. */
  #hasRoom(newId: string, { max_kept }: JobLimits): boolean {
    const starting = [...this.#starting.keys()]
      .filter((id) => id !== newId && this.#jobs.get(id) === undefined);
    return this.#jobs.size + starting.length < max_kept;
  }

  /**
   * The job with an id.
   *
   * @throws {RpcError} -32002 if there is none, or no longer.
   */
  get(id: string): Job {
    const job = this.#jobs.get(id);
    if (job === undefined) {
      throw notFound(`there is no job ${id}: it was never started, or has been forgotten`, {
        job_id: id,
      });
    }
    return job;
  }

  /** All jobs, the oldest first. */
  list(): readonly Job[] {
    return this.#jobs.list();
  }

  /**
   * Forgets an ended job and removes its output.
   *
   * @throws {RpcError} -32002 if there is none, -32000 if it runs.
   */
  async forget(id: string): Promise<void> {
    const job = this.get(id);
    if (job.isRunning) {
      throw commandFailed(`job ${id} is running; end it with job_signal first`, { job_id: id });
    }
    await this.#jobs.remove(job);
  }

  /** Ends all jobs, which are lost then; their output is kept. */
  async stop(): Promise<void> {
    this.#jobs.stop();
    this.#stopping.abort(commandFailed("the agent is stopping"));
    await Promise.all(this.#ending);
  }

  get #running(): readonly Job[] {
    return this.list().filter(({ isRunning }) => isRunning);
  }

  async #save(job: Job): Promise<void> {
    try {
      await job.save();
    } catch (error) {
      this.#log.warn("a job cannot be recorded; it is forgotten when the agent ends", {
        job_id: job.record.job_id,
        error: messageOf(error),
      });
    }
  }

  #tell(what: Parameters<JobObserver>[0], { record }: Job): void {
    for (const observer of this.#observers) observer(what, record);
  }
}
