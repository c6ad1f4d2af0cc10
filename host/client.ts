/**
 * The host's side of the protocol: calls to one agent over its channel's unix socket.
 *
 * @module
 */

import { messageOf } from "../lib/base/message_of.ts";
import { connectSocket } from "./connect.ts";
import { CallError, fromDaemon } from "./errors.ts";
import { type Notification, readIncoming, splitAnswer } from "./incoming.ts";
import { LineReader } from "./line_reader.ts";
import { ChannelLock } from "./lock.ts";
import { Outbox } from "./outbox.ts";
import { checkedResult, type MethodName, type ParamsOf, type ResultOf } from "./protocol.ts";

/** Something that an agent's lines come from and go to, such as a socket. */
export interface AgentConnection {
  /** Reads into a buffer; resolves to `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes; resolves to their number. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends it; a read in progress ends too. */
  close(): void;
}

/** How a call is made. */
export interface CallOptions {
  /** Milliseconds to wait for the answer; 0 waits forever. @default {30000} */
  timeoutMs?: number;
  /** Aborts the wait. */
  signal?: AbortSignal;
  /**
   * Whether to tell the agent to stop the work when the call times out or is aborted. An agent
   * without `rpc.cancel` continues it. @default {false}
   */
  cancelInGuest?: boolean;
  /** Called when the request begins to be written: from then on it may be carried out. */
  onSent?: () => void;
  /** The VM, on a connection to the daemon; see {@link ClientOptions.vm}. */
  vm?: string;
}

/** How a client is connected. */
export interface ClientOptions {
  /**
   * Takes the channel's lock (see `lock.ts`) under this description of what the program does, such
   * as `kvmmanager-ctl exec`; {@link AgentClient.connect} then fails with `"in use"` while another
   * program holds it. @default no lock
   */
  lockAs?: string;
  /** Called with each notification. */
  onNotification?: (notification: Notification) => void;
  /** Called once when the connection has ended, with the reason. */
  onEnd?: (why: CallError) => void;
  /** The longest line accepted from the agent; longer ones are skipped. @default {16 MiB and 1 KiB} */
  maxLineBytes?: number;
  /** The VM that calls are for, if this is a connection to the daemon: a name, a UUID or a socket. */
  vm?: string;
}

/** The arguments after the method's name: parameters may be omitted if none is required. */
export type CallArguments<Name extends MethodName> = Record<never, never> extends ParamsOf<Name>
  ? [params?: ParamsOf<Name>, options?: CallOptions]
  : [params: ParamsOf<Name>, options?: CallOptions];

const DEFAULT_TIMEOUT_MS = 30_000;
/** The largest `max_message_size_kb`, plus room for the newline. */
const MAX_LINE_BYTES = 16 * 1024 * 1024 + 1024;
const MAX_CALLS_IN_FLIGHT = 1000;

interface Result {
  readonly result: unknown;
  /** Its JSON, if the answer came in the usual form. */
  readonly text?: string;
}

interface Waiting extends PromiseWithResolvers<Result> {
  readonly method: string;
  /** When its writing started, in milliseconds of `performance.now()`. */
  sentAt: number | undefined;
}

/**
 * A connection to one agent. Calls may overlap. Answers are matched by ids that no other connection
 * uses, so one meant for another client, or for an earlier connection, is never mistaken for ours.
 * Lines that do not answer a call of ours are skipped and counted.
 */
export class AgentClient implements AsyncDisposable {
  readonly #connection: AgentConnection;
  readonly #lock: ChannelLock | undefined;
  readonly #options: ClientOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #prefix = crypto.randomUUID();
  readonly #outbox: Outbox;
  readonly #lines: LineReader;
  readonly #reading: Promise<void>;
  #ended: CallError | undefined;
  #calls = 0;
  #skipped = 0;

  private constructor(
    connection: AgentConnection,
    lock: ChannelLock | undefined,
    options: ClientOptions,
  ) {
    this.#connection = connection;
    this.#lock = lock;
    this.#options = options;
    this.#outbox = new Outbox((bytes) => connection.write(bytes), (error) => this.#fail(error));
    this.#lines = new LineReader(
      (buffer) => connection.read(buffer),
      options.maxLineBytes ?? MAX_LINE_BYTES,
      (line) => this.#receive(line),
      () => this.#skipped += 1,
    );
    this.#reading = this.#readAll();
  }

  /**
   * Connects to the unix socket of a channel.
   *
   * @throws {CallError} if it is not served, or another program holds its lock.
   */
  static async connect(path: string, options: ClientOptions = {}): Promise<AgentClient> {
    const { lockAs } = options;
    const lock = lockAs === undefined ? undefined : await ChannelLock.acquire(path, lockAs);
    const connection = await connectSocket(path).catch((error) => {
      lock?.[Symbol.dispose]();
      throw error;
    });
    const client = new AgentClient(connection, lock, options);
    // Ends the half line that an earlier client may have left in the channel.
    client.#outbox.send("\n");
    return client;
  }

  /** A client of an agent that is connected with in another way. */
  static over(connection: AgentConnection, options: ClientOptions = {}): AgentClient {
    return new AgentClient(connection, undefined, options);
  }

  /** The number of lines that did not answer a call of ours. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Why the connection has ended; `undefined` while it is open. */
  get ended(): CallError | undefined {
    return this.#ended;
  }

  /**
   * Calls a method of the protocol.
   *
   * @returns The answer's `result`, checked against the method's schema.
   * @throws {AnswerError} for an error answer.
   * @throws {CallError} if the connection ends, the call times out, or the result is invalid.
   */
  async call<Name extends MethodName>(
    method: Name,
    ...[params, options]: CallArguments<Name>
  ): Promise<ResultOf<Name>> {
    return checkedResult(method, await this.callUnchecked(method, params, options));
  }

  /**
   * Calls any method with any parameters.
   *
   * @returns The answer's `result`, unchecked.
   * @throws As {@link call}.
   */
  async callUnchecked(
    method: string,
    params?: unknown,
    options: CallOptions = {},
  ): Promise<unknown> {
    return (await this.#call(method, params, options)).result;
  }

  /**
   * Calls any method with any parameters, to pass its result on.
   *
   * @returns The JSON of the answer's `result`, unchecked.
   * @throws As {@link call}.
   */
  async callForText(
    method: string,
    params?: unknown,
    options: CallOptions = {},
  ): Promise<string> {
    const { result, text } = await this.#call(method, params, options);
    return text ?? JSON.stringify(result ?? null);
  }

  async #call(method: string, params: unknown, options: CallOptions): Promise<Result> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal, cancelInGuest = false } = options;
    const { vm = this.#options.vm } = options;
    signal?.throwIfAborted();
    if (this.#ended !== undefined) throw this.#ended;
    if (this.#waiting.size >= MAX_CALLS_IN_FLIGHT) {
      throw new CallError(`${MAX_CALLS_IN_FLIGHT} calls to this agent are in flight`, "timeout");
    }
    const id = `${this.#prefix}/${++this.#calls}`;
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const waiting: Waiting = { promise, resolve, reject, method, sentAt: undefined };
    this.#waiting.set(id, waiting);
    const giveUp = (reason: unknown) => {
      if (cancelInGuest && waiting.sentAt !== undefined) this.#notify("rpc.cancel", { id });
      waiting.reject(reason);
    };
    const timer = timeoutMs > 0
      ? setTimeout(() => giveUp(this.#lateError(waiting, timeoutMs)), timeoutMs)
      : undefined;
    const onAbort = () => giveUp(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const withdraw = this.#outbox.send(
      `${JSON.stringify({ jsonrpc: "2.0", method, params, id, vm })}\n`,
      {
        onSent: () => {
          waiting.sentAt = performance.now();
          options.onSent?.();
        },
      },
    );
    try {
      return await waiting.promise;
    } catch (error) {
      throw vm === undefined ? error : fromDaemon(error);
    } finally {
      withdraw();
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      this.#waiting.delete(id);
    }
  }

  /** Sends text unchanged, to test what {@link callUnchecked} would never send. */
  sendRaw(text: string): void {
    this.#outbox.send(text);
  }

  /** Ends the connection; pending calls are rejected. */
  async close(): Promise<void> {
    this.#end(new CallError("this program closed the connection", "closed"));
    await this.#reading;
  }

  /** Closes the connection, as {@link AgentClient.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #notify(method: string, params: unknown): void {
    if (this.#ended === undefined) {
      this.#outbox.send(`${JSON.stringify({ jsonrpc: "2.0", method, params })}\n`);
    }
  }

  #lateError({ method, sentAt }: Waiting, timeoutMs: number): CallError {
    const what = `no answer to ${method} within ${timeoutMs / 1000} s`;
    return sentAt === undefined
      ? new CallError(`${what}: the agent is not reading its requests`, "timeout")
      : new CallError(what, "timeout", true);
  }

  #fail(error: unknown): void {
    const why = `the connection ended: ${messageOf(error)}`;
    this.#end(new CallError(why, "connection lost"));
  }

  #end(why: CallError): void {
    if (this.#ended !== undefined) return;
    this.#ended = why;
    try {
      this.#connection.close();
    } catch {
      // Already closed.
    }
    this.#lock?.[Symbol.dispose]();
    this.#lines.stop();
    for (const { method, sentAt, reject } of this.#waiting.values()) {
      reject(new CallError(requestFate(why, method, sentAt), why.reason, sentAt !== undefined));
    }
    this.#options.onEnd?.(why);
  }

  async #readAll(): Promise<void> {
    try {
      await this.#lines.readAll();
      this.#end(new CallError("the agent closed the connection", "connection lost"));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Takes a line; returns whether it answers a call. */
  #receive(line: string): boolean {
    if (this.#receivePlain(line)) return true;
    const incoming = readIncoming(line);
    if (incoming.kind === "notification") {
      this.#options.onNotification?.(incoming.notification);
      return false;
    }
    const waiting = incoming.kind === "answer" ? this.#waiting.get(incoming.id) : undefined;
    if (incoming.kind === "foreign" || waiting === undefined) {
      this.#skipped += 1;
      return false;
    }
    // A second answer with the same id is skipped.
    this.#waiting.delete(incoming.id);
    if (incoming.error === undefined) waiting.resolve({ result: incoming.result });
    else waiting.reject(incoming.error);
    return true;
  }

  /** Receives an answer in the usual form; returns whether it was one. */
  #receivePlain(line: string): boolean {
    const answer = splitAnswer(line);
    // Our ids have no characters that JSON escapes.
    const waiting = answer && this.#waiting.get(answer.id);
    if (answer === undefined || waiting === undefined) return false;
    const { id, resultText } = answer;
    let result: unknown;
    try {
      result = JSON.parse(resultText);
    } catch {
      return false;
    }
    this.#waiting.delete(id);
    waiting.resolve({ result, text: resultText });
    return true;
  }
}

/** What is known about a request whose connection has ended. */
function requestFate(why: CallError, method: string, sentAt: number | undefined): string {
  if (sentAt === undefined) return `${why.message}; ${method} had not been sent yet`;
  const seconds = ((performance.now() - sentAt) / 1000).toFixed(1);
  return `${why.message}; ${method} was sent ${seconds} s earlier and may have been carried out`;
}
