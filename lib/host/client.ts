/**
 * The host's side of the protocol: calls to one agent over its channel's unix socket.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import * as z from "zod";
import { messageOf } from "../message_of.ts";

/** An error answer of the agent (JSON-RPC 2.0, section 5.1). */
export class AnswerError extends Error {
  override readonly name = "AnswerError";

  constructor(readonly code: number, message: string, readonly data: unknown) {
    super(message);
  }

  /** As it came over the wire. */
  toJSON(): { code: number; message: string; data: unknown } {
    return { code: this.code, message: this.message, data: this.data };
  }
}

/** There is no agent at the other side, or none that answers. */
export class NoAgentError extends Error {
  override readonly name = "NoAgentError";
}

/** A notification of the agent. */
export interface Notification {
  readonly method: string;
  readonly params: unknown;
}

/** How a call is made. */
export interface CallOptions {
  /** Milliseconds to wait for the answer; 0 waits for ever. @default {30000} */
  timeoutMs?: number;
  /** Stops waiting. The work in the guest goes on. */
  signal?: AbortSignal;
}

/** How a client is connected. */
export interface ClientOptions {
  /** Told of each notification. */
  onNotification?: (notification: Notification) => void;
}

const DEFAULT_TIMEOUT_MS = 30_000;

const WireError = z.looseObject({
  code: z.number(),
  message: z.string(),
  data: z.optional(z.unknown()),
});

const Answer = z.looseObject({
  id: z.string(),
  result: z.optional(z.unknown()),
  error: z.optional(WireError),
});

const NotificationMessage = z.looseObject({
  method: z.string(),
  params: z.optional(z.unknown()),
  id: z.optional(z.undefined()),
});

type Waiting = PromiseWithResolvers<unknown>;

/**
 * A connection to one agent. Calls may overlap; answers are matched by ids that no other connection
 * uses, so an answer to somebody else is never taken for ours. Lines that are no answer of ours are
 * skipped and counted.
 */
export class AgentClient implements AsyncDisposable {
  readonly #connection: Deno.UnixConn;
  readonly #waiting = new Map<string, Waiting>();
  readonly #prefix = crypto.randomUUID();
  readonly #reading: Promise<void>;
  readonly #onNotification: (notification: Notification) => void;
  #calls = 0;
  #skipped = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(connection: Deno.UnixConn, options: ClientOptions) {
    this.#connection = connection;
    this.#onNotification = options.onNotification ?? (() => {});
    this.#reading = this.#readAll();
  }

  /**
   * Connects to the unix socket of a channel.
   *
   * @throws {NoAgentError} when nobody serves it.
   */
  static async connect(path: string, options: ClientOptions = {}): Promise<AgentClient> {
    let connection: Deno.UnixConn;
    try {
      connection = await Deno.connect({ transport: "unix", path });
    } catch (error) {
      throw new NoAgentError(explainConnect(path, error));
    }
    const client = new AgentClient(connection, options);
    // Ends the half line that somebody before us may have left in the channel.
    await client.#write("\n");
    return client;
  }

  /** Lines that were no answer of ours. */
  get skipped(): number {
    return this.#skipped;
  }

  /**
   * Calls a method.
   *
   * @returns The answer's `result`.
   * @throws {AnswerError} for an error answer.
   * @throws {NoAgentError} when the connection ends or the answer does not come in time.
   */
  async call(method: string, params?: unknown, options: CallOptions = {}): Promise<unknown> {
    const id = `${this.#prefix}/${++this.#calls}`;
    const waiting: Waiting = Promise.withResolvers();
    this.#waiting.set(id, waiting);
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    const late = () =>
      waiting.reject(new NoAgentError(`no answer to ${method} within ${timeoutMs / 1000} s`));
    const timer = timeoutMs > 0 ? setTimeout(late, timeoutMs) : undefined;
    const onAbort = () => waiting.reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      signal?.throwIfAborted();
      await Promise.race([
        waiting.promise,
        this.#write(`${JSON.stringify({ jsonrpc: "2.0", method, params, id })}\n`),
      ]);
      return await waiting.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      this.#waiting.delete(id);
    }
  }

  /** Sends text as it is, for what {@link call} would not send. */
  async sendRaw(text: string): Promise<void> {
    await this.#write(text);
  }

  /** Ends the connection; calls that wait are rejected. */
  async close(): Promise<void> {
    try {
      this.#connection.close();
    } catch {
      // Closed already.
    }
    await this.#reading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #write(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    const before = this.#writing;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#writing = promise;
    await before;
    try {
      for (let sent = 0; sent < bytes.byteLength;) {
        sent += await this.#connection.write(bytes.subarray(sent));
      }
    } catch (error) {
      throw new NoAgentError(`the connection has ended: ${messageOf(error)}`);
    } finally {
      resolve();
    }
  }

  async #readAll(): Promise<void> {
    let why = "the agent closed the connection";
    try {
      const lines = this.#connection.readable
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(new TextLineStream());
      for await (const line of lines) this.#receive(line);
    } catch (error) {
      why = `the connection has ended: ${messageOf(error)}`;
    }
    for (const waiting of this.#waiting.values()) waiting.reject(new NoAgentError(why));
  }

  #receive(line: string): void {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      this.#skipped += 1;
      return;
    }
    const notification = z.safeParse(NotificationMessage, message);
    if (notification.success) {
      const { method, params } = notification.data;
      return this.#onNotification({ method, params });
    }
    const answer = z.safeParse(Answer, message);
    const waiting = answer.success ? this.#waiting.get(answer.data.id) : undefined;
    if (!answer.success || waiting === undefined) {
      this.#skipped += 1;
      return;
    }
    const { error, result } = answer.data;
    if (error === undefined) waiting.resolve(result);
    else waiting.reject(new AnswerError(error.code, error.message, error.data));
  }
}

function explainConnect(path: string, error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return `${path}: there is no such socket`;
  if (error instanceof Deno.errors.ConnectionRefused) return `${path}: nobody serves this socket`;
  if (error instanceof Deno.errors.PermissionDenied) {
    return `${path}: permission denied; libvirt's sockets belong to root and the group of QEMU`;
  }
  return `${path}: ${messageOf(error)}`;
}
