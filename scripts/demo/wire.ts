/**
 * The channel without a client library: raw lines in both directions.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { withTimer } from "../../lib/base/waiting.ts";
import type { Screen } from "./screen.ts";

const PATIENCE_MS = 10_000;

/** A raw connection whose lines are shown on the screen. */
export class Wire implements AsyncDisposable {
  readonly #connection: Deno.UnixConn;
  readonly #received: ReadableStreamDefaultReader<string>;
  readonly #screen: Screen;

  private constructor(connection: Deno.UnixConn, screen: Screen) {
    this.#connection = connection;
    this.#screen = screen;
    this.#received = connection.readable
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream())
      .getReader();
  }

  /** Connects to a channel's unix socket. */
  static async connect(socket: string, screen: Screen): Promise<Wire> {
    return new Wire(await Deno.connect({ transport: "unix", path: socket }), screen);
  }

  /** Sends one message. */
  async send(message: unknown): Promise<void> {
    const line = JSON.stringify(message);
    this.#screen.wire("sent", line);
    const bytes = new TextEncoder().encode(`${line}\n`);
    for (let sent = 0; sent < bytes.byteLength;) {
      sent += await this.#connection.write(bytes.subarray(sent));
    }
  }

  /**
   * Receives the next line.
   *
   * @throws {Error} when none arrives in time.
   */
  async receive(): Promise<string> {
    let line: string | undefined;
    await withTimer(PATIENCE_MS, this.#received.read().then(({ value }) => line = value));
    if (line === undefined) throw new Error("the agent sent no line");
    this.#screen.wire("received", line);
    return line;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#received.cancel().catch(() => {});
  }
}
