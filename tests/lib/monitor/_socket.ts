/**
 * A monitor behind a real socket, and clients that send what they are told to.
 *
 * @module
 */

import { assert } from "@std/assert";
import { type CommandAnswer, readAnswer } from "../../../lib/monitor/answer.ts";
import { Monitor } from "../../../lib/monitor/monitor.ts";
import { CommandServer, type ServerLimits } from "../../../lib/monitor/server.ts";
import { listenOnSocket, type SocketOptions } from "../../../lib/platform/linux/monitor_socket.ts";
import { CollectingLog, TempDirectory } from "../_helpers.ts";
import { within } from "../../_waiting.ts";

const LIMITS: ServerLimits = {
  requestTimeoutMs: 10_000,
  handlerTimeoutSeconds: 30,
  maxConnections: 100,
};

/** How a server of a test differs from the default one. */
export interface ServedOptions {
  readonly limits?: Partial<ServerLimits>;
  readonly socket?: Partial<SocketOptions>;
  readonly watchMs?: number;
}

/** A server on a socket in a directory of its own. */
export class ServedMonitor implements AsyncDisposable {
  readonly log = new CollectingLog();
  readonly monitor = new Monitor(this.log);
  /** Every request that `agent.Echo` was given. */
  readonly received: Readonly<Record<string, unknown>>[] = [];
  /** How often the socket was created, or an attempt made. */
  opened = 0;
  readonly server: CommandServer;
  readonly path: string;
  #isClosed = false;

  private constructor(readonly directory: TempDirectory, options: ServedOptions) {
    this.path = options.socket?.pipe_path ?? directory.at("run/commands.sock");
    this.monitor.register("agent.Echo", ({ fields }) => {
      this.received.push(fields);
      return { Status: 0, StatusMessage: "", Fields: fields };
    });
    this.server = new CommandServer({
      monitor: this.monitor,
      open: () => {
        this.opened += 1;
        return listenOnSocket({
          pipe_path: this.path,
          pipe_mode: "0770",
          pipe_group: null,
          ...options.socket,
        });
      },
      limits: { ...LIMITS, ...options.limits },
      log: this.log,
      watchMs: options.watchMs,
    });
  }

  /** Starts a server. */
  static async start(options: ServedOptions = {}): Promise<ServedMonitor> {
    const served = await ServedMonitor.make(options);
    try {
      await served.server.start();
      return served;
    } catch (error) {
      await served[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A server that is still to be started. */
  static async make(options: ServedOptions = {}): Promise<ServedMonitor> {
    return new ServedMonitor(await TempDirectory.make(), options);
  }

  /** Sends bytes on a connection of their own and returns all that comes back. */
  async send(...pieces: readonly (string | Uint8Array)[]): Promise<string> {
    const client = await this.connect();
    using _client = client;
    for (const piece of pieces) await client.send(piece);
    return await client.rest();
  }

  /** Sends bytes and returns the one answer that comes back. */
  async ask(...pieces: readonly (string | Uint8Array)[]): Promise<CommandAnswer> {
    return answerOf(await this.send(...pieces));
  }

  /** A connection. */
  async connect(): Promise<RawClient> {
    return new RawClient(await Deno.connect({ transport: "unix", path: this.path }));
  }

  /** Stops the server before the end of the test. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) await this.close();
    await this.directory[Symbol.asyncDispose]();
  }
}

/** The answer that a text is. */
export function answerOf(text: string): CommandAnswer {
  const answer = text === "" ? undefined : readAnswer(JSON.parse(text));
  assert(answer !== undefined, `no answer: ${JSON.stringify(text)}`);
  return answer;
}

/** A client that knows nothing of the protocol. */
export class RawClient implements Disposable {
  readonly #connection: Deno.UnixConn;

  constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
  }

  /** Sends bytes as they are. */
  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let sent = 0; sent < bytes.byteLength;) {
      sent += await within(this.#connection.write(bytes.subarray(sent)), "sending");
    }
  }

  /** Ends the direction to the agent. */
  async hangUp(): Promise<void> {
    await this.#connection.closeWrite();
  }

  /** All that comes until the server closes the connection. */
  async rest(): Promise<string> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(4096);
    let text = "";
    for (;;) {
      const read = await within(this.#connection.read(buffer), "the end of the answer");
      if (read === null) return text;
      text += decoder.decode(buffer.subarray(0, read), { stream: true });
    }
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}
