/**
 * The agent's side of a channel, played by the test.
 *
 * @module
 */

import { fail } from "@std/assert";
import * as z from "zod";
import { until } from "../_waiting.ts";

const Request = z.looseObject({
  jsonrpc: z.literal("2.0"),
  method: z.string(),
  params: z.optional(z.unknown()),
  id: z.string(),
});

/** A request as received. */
export type Request = z.output<typeof Request>;

/** Serves one connection at a time on a unix socket, and answers only when told to. */
export class FakeAgent implements AsyncDisposable {
  /** Every line received, on all connections. */
  readonly lines: string[] = [];
  readonly path: string;
  readonly #directory: string;
  readonly #listener: Deno.UnixListener;
  readonly #serving: Promise<void>;
  #connection: Deno.UnixConn | undefined;
  #isPaused = false;

  private constructor(directory: string) {
    this.#directory = directory;
    this.path = `${directory}/agent.sock`;
    this.#listener = Deno.listen({ transport: "unix", path: this.path });
    this.#serving = this.#serve();
  }

  /** Starts listening in a temporary directory. */
  static async start(): Promise<FakeAgent> {
    return new FakeAgent(await Deno.makeTempDir({ prefix: "kvmmanager-test-" }));
  }

  /** Reads nothing from the next connection on, like a hung guest. */
  pause(): void {
    this.#isPaused = true;
  }

  /** The requests received, oldest first, once there are `count`. */
  async requests(count: number): Promise<Request[]> {
    const parsed = () => this.lines.filter((line) => line !== "").map((line) => JSON.parse(line));
    await until(() => parsed().length >= count, `${count} requests`);
    return parsed().map((request) => z.parse(Request, request));
  }

  /** Sends text or bytes as they are. */
  async send(data: string | Uint8Array): Promise<void> {
    await until(() => this.#connection !== undefined, "a connection");
    const connection = this.#connection ?? fail("no connection");
    let rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
    while (rest.byteLength > 0) rest = rest.subarray(await connection.write(rest));
  }

  /** Answers a request with a result. */
  async answer(request: Request, result: unknown): Promise<void> {
    await this.send(`${JSON.stringify({ jsonrpc: "2.0", result, id: request.id })}\n`);
  }

  /** Closes the connection. */
  async hangUp(): Promise<void> {
    await until(() => this.#connection !== undefined, "a connection");
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #serve(): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        this.#connection = connection;
        if (!this.#isPaused) await this.#readLines(connection);
      }
    } catch {
      // The listener was closed.
    }
  }

  async #readLines(connection: Deno.UnixConn): Promise<void> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(65_536);
    let text = "";
    try {
      for (;;) {
        const read = await connection.read(buffer);
        if (read === null) return;
        const lines = (text + decoder.decode(buffer.subarray(0, read), { stream: true })).split(
          "\n",
        );
        text = lines.pop() ?? "";
        this.lines.push(...lines);
      }
    } catch {
      // The connection was closed.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#listener.close();
    } catch {
      // Closed already.
    }
    try {
      this.#connection?.close();
    } catch {
      // Closed already.
    }
    await this.#serving;
    await Deno.remove(this.#directory, { recursive: true });
  }
}
