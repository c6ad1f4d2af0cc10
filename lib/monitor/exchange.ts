/**
 * One client: its request in, the answer out, nothing else.
 *
 * @module
 */

import { collectIfDue, countTraffic } from "../garbage.ts";
import { withTimer } from "../process/capture.ts";
import { closeQuietly } from "../unix_socket.ts";
import type { CommandConnection } from "./listener.ts";
import { MAX_MESSAGE_BYTES, type RequestBuffers } from "./request_buffers.ts";
import { RequestScanner } from "./request_scanner.ts";

/** Most requests fit; those that do never wait for others. */
const FIRST_BUFFER_BYTES = 1024;
/** What serving a client leaves for the garbage collector beside the bytes (measured). */
const GARBAGE_BYTES = 4096;
/** How long a client that has its answer may go on sending before it is closed upon. */
const LINGER_MS = 500;

/** What a client sent. */
export type Received =
  | { readonly kind: "request"; readonly bytes: Uint8Array }
  | { readonly kind: "bad"; readonly reason: string }
  /** No whole request in time. */
  | { readonly kind: "late" }
  /** The client left without a word. */
  | { readonly kind: "nothing" };

/** How an exchange is done. */
export interface ExchangeOptions {
  /** Milliseconds for the whole request to arrive, and again for the answer to be read. */
  readonly timeoutMs: number;
  /** What all clients of a server share. */
  readonly buffers: RequestBuffers;
  /** The answer's text, or `undefined` where nobody is there to read one. */
  readonly answer: (received: Received) => Promise<string | undefined>;
}

const encoder = new TextEncoder();
/** What is thrown away goes here, whoever sent it. */
const scratch = new Uint8Array(4096);

/** Serves one client and closes its connection; never throws. */
export async function exchange(
  connection: CommandConnection,
  { timeoutMs, buffers, answer }: ExchangeOptions,
): Promise<void> {
  const reception = new Reception(connection, buffers);
  try {
    let received: Received = { kind: "late" };
    await withTimer(timeoutMs, reception.ended.then((outcome) => received = outcome));
    const text = await answer(received);
    if (text === undefined) return;
    let hasLeft = false;
    await withTimer(timeoutMs, writeAll(connection, text).then(() => hasLeft = true));
    if (!hasLeft) return;
    collectIfDue();
    // Closing upon what has not been read would take the answer away from the client.
    await connection.closeWrite();
    await withTimer(LINGER_MS, reception.ended.then(() => discardRest(connection)));
  } catch {
    // The client is gone, which is its own affair.
  } finally {
    closeQuietly(connection);
    await reception.release();
    countTraffic(GARBAGE_BYTES);
    collectIfDue();
  }
}

/** The taking in of one request. */
class Reception {
  /** Resolves at the end of the request, and at the latest when the connection is closed. */
  readonly ended: Promise<Received>;
  readonly #connection: CommandConnection;
  readonly #buffers: RequestBuffers;
  #large: Uint8Array<ArrayBuffer> | undefined;
  #waiting: AbortController | undefined;

  constructor(connection: CommandConnection, buffers: RequestBuffers) {
    this.#connection = connection;
    this.#buffers = buffers;
    this.ended = this.#receive();
  }

  /** Gives the memory back, once nothing can be read into it any more. */
  async release(): Promise<void> {
    this.#waiting?.abort();
    await this.ended;
    if (this.#large !== undefined) this.#buffers.give(this.#large);
  }

  async #receive(): Promise<Received> {
    const scanner = new RequestScanner();
    let buffer = new Uint8Array(FIRST_BUFFER_BYTES);
    for (let filled = 0; filled < MAX_MESSAGE_BYTES;) {
      if (filled === buffer.byteLength) {
        const large = await this.#takeLarge();
        if (large === undefined) return { kind: "late" };
        large.set(buffer);
        buffer = large;
      }
      const read = await readOrEnd(this.#connection, buffer.subarray(filled));
      if (read === null) {
        return filled === 0
          ? { kind: "nothing" }
          : { kind: "bad", reason: "the connection ended within the request" };
      }
      countTraffic(read);
      const scanned = scanner.scan(buffer, filled, filled + read);
      filled += read;
      if (scanned === "no object") return { kind: "bad", reason: 'a request begins with "{"' };
      if (scanned !== "unfinished") {
        return { kind: "request", bytes: buffer.subarray(0, scanned.end) };
      }
    }
    return { kind: "bad", reason: `the request is over ${MAX_MESSAGE_BYTES} bytes` };
  }

  /** A large buffer, or `undefined` where the client's time was over before there was one. */
  async #takeLarge(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    this.#waiting = new AbortController();
    try {
      return this.#large = await this.#buffers.take(this.#waiting.signal);
    } catch {
      return undefined;
    }
  }
}

async function readOrEnd(
  connection: CommandConnection,
  buffer: Uint8Array,
): Promise<number | null> {
  try {
    return await connection.read(buffer);
  } catch {
    // Closed by us, or reset by a client that has died.
    return null;
  }
}

async function writeAll(connection: CommandConnection, text: string): Promise<void> {
  const bytes = encoder.encode(text);
  countTraffic(bytes.byteLength);
  for (let sent = 0; sent < bytes.byteLength;) sent += await connection.write(bytes.subarray(sent));
}

async function discardRest(connection: CommandConnection): Promise<void> {
  while (await readOrEnd(connection, scratch) !== null);
}
