/**
 * The host's side of the protocol: calls to one agent over its channel's unix socket.
 *
 * @module
 */

import { messageOf } from "../lib/base/message_of.ts";
import { type CallResult, CallsInFlight } from "./calls_in_flight.ts";
import { connectSocket } from "./connect.ts";
import { CallError, fromDaemon } from "./errors.ts";
import type { Notification } from "./incoming.ts";
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

/**
 * A connection to one agent. Calls may overlap. Lines that do not answer a call of ours are skipped
 * and counted.
 */
export class AgentClient implements AsyncDisposable {
  readonly #connection: AgentConnection;
  readonly #lock: ChannelLock | undefined;
  readonly #options: ClientOptions;
  readonly #calls = new CallsInFlight();
  readonly #outbox: Outbox;
  readonly #lines: LineReader;
  readonly #reading: Promise<void>;
  #ended: CallError | undefined;
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

  async #call(method: string, params: unknown, options: CallOptions): Promise<CallResult> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal, cancelInGuest = false } = options;
    const { vm = this.#options.vm } = options;
    signal?.throwIfAborted();
    if (this.#ended !== undefined) throw this.#ended;
    const call = this.#calls.begin(method);
    const { id } = call;
    const giveUp = (reason: unknown) => {
      if (cancelInGuest && call.wasSent) this.#notify("rpc.cancel", { id });
      call.fail(reason);
    };
    const timer = timeoutMs > 0
      ? setTimeout(() => giveUp(call.lateError(timeoutMs)), timeoutMs)
      : undefined;
    const onAbort = () => giveUp(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const withdraw = this.#outbox.send(
      `${JSON.stringify({ jsonrpc: "2.0", method, params, id, vm })}\n`,
      {
        onSent: () => {
          call.markSent();
          options.onSent?.();
        },
      },
    );
    try {
      return await call.answer;
    } catch (error) {
      throw vm === undefined ? error : fromDaemon(error);
    } finally {
      withdraw();
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      this.#calls.end(call);
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
    this.#calls.lose(why);
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
    const incoming = this.#calls.receive(line);
    if (incoming === "answer") return true;
    if (incoming === "foreign") this.#skipped += 1;
    else this.#options.onNotification?.(incoming);
    return false;
  }
}
