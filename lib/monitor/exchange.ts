/**
 * One client: its request in, the answer out, nothing else.
 *
 * @module
 */

import { collectIfDue, countGarbage } from "../base/memory/garbage.ts";
import { messageOf } from "../base/message_of.ts";
import { withTimer } from "../base/waiting.ts";
import { closeQuietly } from "../platform/linux/unix_socket.ts";
import { type CommandRequest, readCommand } from "./command_request.ts";
import type { CommandConnection } from "./listener.ts";
import { MAX_MESSAGE_BYTES, type RequestBuffers } from "./request_buffers.ts";
import { RequestScanner } from "./request_scanner.ts";

/** Most requests fit; those that do never wait for others. */
const FIRST_BUFFER_BYTES = 1024;
/**
 * What a client counts for in the collecting of garbage beside its bytes: with half of it a flood of
 * clients peaked two megabytes higher, and was served no faster.
 */
const GARBAGE_BYTES = 8192;
/** How long a client that has its answer may go on sending before it is closed upon … */
const LINGER_MS = 500;
/** … and how long it may be silent. Some never close their end. */
const QUIET_MS = 50;

/** What a client sent. */
export type Received =
  | { readonly kind: "request"; readonly request: CommandRequest }
  | { readonly kind: "bad"; readonly reason: string }
  /** No whole request in time. */
  | { readonly kind: "late" }
  /** The connection, or the client's half of it, ended within the request. */
  | { readonly kind: "cut" }
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
    await withTimer(LINGER_MS, reception.ended);
    await discardRest(connection);
  } catch {
    // The client is gone, which is its own affair.
  } finally {
    closeQuietly(connection);
    reception.stop();
    countGarbage(GARBAGE_BYTES);
    collectIfDue();
  }
}

/** The taking in of one request. */
class Reception {
  /** Resolves at the end of the request, and at the latest when the connection is closed. */
  readonly ended: Promise<Received>;
  readonly #connection: CommandConnection;
  readonly #over = new AbortController();

  constructor(connection: CommandConnection, buffers: RequestBuffers) {
    this.#connection = connection;
    this.ended = this.#receive(buffers);
  }

  /** Waits for nothing any more. */
  stop(): void {
    this.#over.abort();
  }

  async #receive(buffers: RequestBuffers): Promise<Received> {
    const scanner = new RequestScanner();
    const begun = await this.#fill(scanner, new Uint8Array(FIRST_BUFFER_BYTES), 0);
    if (!(begun instanceof Uint8Array)) return begun;
    let large: Uint8Array<ArrayBuffer>;
    try {
      large = await buffers.take(this.#over.signal);
    } catch {
      return { kind: "late" };
    }
    // What was read is read out when this is left, and nothing is being read any more.
    try {
      large.set(begun);
      const filled = await this.#fill(scanner, large, begun.byteLength);
      if (!(filled instanceof Uint8Array)) return filled;
      return { kind: "bad", reason: `the request is over ${MAX_MESSAGE_BYTES} bytes` };
    } finally {
      buffers.give(large);
    }
  }

  /** Reads until the request is over, or returns the buffer once it is full. */
  async #fill(
    scanner: RequestScanner,
    buffer: Uint8Array<ArrayBuffer>,
    start: number,
  ): Promise<Received | Uint8Array<ArrayBuffer>> {
    for (let filled = start; filled < buffer.byteLength;) {
      const read = await readOrEnd(this.#connection, buffer.subarray(filled));
      if (read === null) return { kind: filled === 0 ? "nothing" : "cut" };
      countGarbage(read);
      const scanned = scanner.scan(buffer, filled, filled + read);
      filled += read;
      if (scanned === "no object") return { kind: "bad", reason: 'a request begins with "{"' };
      if (scanned !== "unfinished") return readReceived(buffer.subarray(0, scanned.end));
    }
    return buffer;
  }
}

function readReceived(bytes: Uint8Array): Received {
  try {
    return { kind: "request", request: readCommand(bytes) };
  } catch (error) {
    return { kind: "bad", reason: messageOf(error) };
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
  countGarbage(bytes.byteLength);
  for (let sent = 0; sent < bytes.byteLength;) sent += await connection.write(bytes.subarray(sent));
}

async function discardRest(connection: CommandConnection): Promise<void> {
  const deadline = performance.now() + LINGER_MS;
  for (let isSending = true; isSending && performance.now() < deadline;) {
    isSending = false;
    const reading = readOrEnd(connection, scratch).then((read) => isSending = read !== null);
    await withTimer(QUIET_MS, reading);
  }
}
