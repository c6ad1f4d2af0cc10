/**
 * A job in a guest: its output as an iterator, its input, and its end.
 *
 * @module
 */

import { AnswerError, CallError } from "../errors.ts";
import type { ParamsOf, ResultOf } from "../protocol.ts";
import type { AgentLink } from "./link.ts";

const WAIT_SECONDS = 30;
/** How much longer than the guest's wait an answer may take. */
const SLACK_MS = 30_000;
/** Fits every usual message limit as base64. */
const INPUT_BYTES = 16 * 1024;
const MAX_QUEUED_BYTES = 64 * 1024;

/** How a job ended. */
export type JobEnd = Pick<ResultOf<"job_read">, "state" | "exit_code" | "signal" | "ended_by">;

/** A part of what {@link RemoteJob.output} yields. */
export type JobOutput =
  | {
    readonly kind: "data";
    readonly stream: "stdout" | "stderr" | "tty";
    readonly bytes: Uint8Array<ArrayBuffer>;
  }
  /** Output that the guest has dropped, in bytes. */
  | { readonly kind: "gap"; readonly bytes: number }
  /** The last part. */
  | { readonly kind: "end"; readonly end: JobEnd };

/** Where and how long to read. */
export interface OutputOptions {
  /** Where to start: a cursor of an earlier output. @default the beginning */
  readonly cursor?: string;
  /** Whether to wait for more output, until the job has ended. @default {true} */
  readonly follow?: boolean;
  /** Ends the reading. */
  readonly signal?: AbortSignal;
}

/** A job that is known to the agent of a guest. */
export class RemoteJob {
  readonly #link: AgentLink;

  /** The job of this id, which was chosen when it was started; nothing is asked yet. */
  constructor(link: AgentLink, readonly id: string) {
    this.#link = link;
  }

  /** Starts a job; repeated until it is known to have started, once. */
  static async start(link: AgentLink, params: ParamsOf<"job_start">): Promise<RemoteJob> {
    await link.call("job_start", params);
    return new RemoteJob(link, params.job_id);
  }

  /**
   * The output in order of arrival, each byte once, whatever happens to the connection, and then the
   * end. Without `follow`, only the output so far, and the end if it has ended.
   */
  async *output(options: OutputOptions = {}): AsyncGenerator<JobOutput, void> {
    const { follow = true, signal } = options;
    let { cursor } = options;
    for (;;) {
      const read = await this.#link.call("job_read", {
        job_id: this.id,
        cursor,
        encoding: "base64",
        wait_seconds: follow ? WAIT_SECONDS : 0,
      }, { signal, timeoutMs: WAIT_SECONDS * 1000 + SLACK_MS, cancelInGuest: true });
      if (read.lost_bytes > 0) yield { kind: "gap", bytes: read.lost_bytes };
      for (const { stream, data } of read.output) {
        yield { kind: "data", stream, bytes: decode(data) };
      }
      const isAtEnd = read.cursor === cursor || read.output.length === 0;
      cursor = read.cursor;
      if (read.eof) return yield { kind: "end", end: read };
      if (!follow && isAtEnd) return;
    }
  }

  /** Waits for the end. */
  async end(signal?: AbortSignal): Promise<ResultOf<"job_status">> {
    for (;;) {
      const status = await this.#link.call("job_status", {
        job_id: this.id,
        wait_seconds: WAIT_SECONDS,
      }, { signal, timeoutMs: WAIT_SECONDS * 1000 + SLACK_MS, cancelInGuest: true });
      if (status.state !== "running") return status;
    }
  }

  /** Its input; use one writer at a time. */
  input(): JobInputWriter {
    return new JobInputWriter(this.#link, this.id);
  }

  /** Sends a signal, unless the job has ended. */
  async signal(signal: ParamsOf<"job_signal">["signal"]): Promise<void> {
    await ignoringEnd(this.#link.call("job_signal", { job_id: this.id, signal }));
  }

  /** Changes the size of its terminal, unless the job has ended. */
  async resize(rows: number, cols: number): Promise<void> {
    await ignoringEnd(this.#link.call("job_resize", { job_id: this.id, rows, cols }));
  }

  /** Removes it and its output from the guest. */
  async forget(): Promise<void> {
    await this.#link.call("job_forget", { job_id: this.id });
  }
}

/** Writes to a job in the background, in order, each byte once. */
export class JobInputWriter {
  readonly #link: AgentLink;
  readonly #id: string;
  #queue: Uint8Array<ArrayBuffer>[] = [];
  #queuedBytes = 0;
  /** Bytes that the agent has. */
  #offset = 0;
  #isEnding = false;
  #isClosed = false;
  #failure: unknown;
  #sending: Promise<void> | undefined;
  #onRoom: (() => void) | undefined;

  /** Writes to the job of this id; nothing is sent yet. */
  constructor(link: AgentLink, id: string) {
    this.#link = link;
    this.#id = id;
  }

  /** Whether the job takes no more input. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Queues bytes; resolves when there is room for more, or when the job takes no more. */
  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#isClosed) return;
    this.#queue.push(bytes.slice());
    this.#queuedBytes += bytes.byteLength;
    this.#sending ??= this.#send();
    if (this.#queuedBytes > MAX_QUEUED_BYTES) {
      await new Promise<void>((resolve) => this.#onRoom = resolve);
    }
  }

  /** Ends the input; resolves when everything is in the guest, or when the job takes no more. */
  async end(): Promise<void> {
    this.#isEnding = true;
    this.#sending ??= this.#send();
    await this.#sending;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #send(): Promise<void> {
    // What is written in the same turn is sent together.
    await Promise.resolve();
    try {
      while (this.#queuedBytes > 0 || this.#isEnding) {
        const bytes = this.#next();
        const isLast = this.#isEnding && bytes.byteLength === this.#queuedBytes;
        const { accepted_bytes } = await this.#link.call("job_write", {
          job_id: this.#id,
          data: bytes.toBase64(),
          encoding: "base64",
          offset: this.#offset,
          end: isLast,
          wait_seconds: WAIT_SECONDS,
        }, { timeoutMs: WAIT_SECONDS * 1000 + SLACK_MS });
        this.#drop(accepted_bytes);
        if (isLast && accepted_bytes === bytes.byteLength) return this.#close();
      }
    } catch (error) {
      // As with a closed pipe: whoever reads the output sees why.
      if (!(error instanceof AnswerError)) this.#failure = error;
      this.#close();
    } finally {
      this.#sending = undefined;
    }
  }

  #next(): Uint8Array<ArrayBuffer> {
    const [first = new Uint8Array(0)] = this.#queue;
    if (this.#queue.length < 2 || first.byteLength >= INPUT_BYTES) {
      return first.subarray(0, INPUT_BYTES);
    }
    const all = new Uint8Array(this.#queuedBytes);
    let at = 0;
    for (const bytes of this.#queue) {
      all.set(bytes, at);
      at += bytes.byteLength;
    }
    this.#queue = [all];
    return all.subarray(0, INPUT_BYTES);
  }

  #drop(accepted: number): void {
    this.#offset += accepted;
    this.#queuedBytes -= accepted;
    const [first = new Uint8Array(0), ...rest] = this.#queue;
    const left = first.subarray(accepted);
    this.#queue = left.byteLength > 0 ? [left, ...rest] : rest;
    if (this.#queuedBytes <= MAX_QUEUED_BYTES) this.#onRoom?.();
  }

  #close(): void {
    this.#isClosed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#isEnding = false;
    this.#onRoom?.();
  }
}

async function ignoringEnd(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error;
  }
}

function decode(data: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(data);
  } catch {
    throw new CallError("the agent sent output that is not base64", "invalid result", true);
  }
}
