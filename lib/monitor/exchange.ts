/**
 * One client: its request in, the answer out, nothing else.
 *
 * @module
 */

import { countTraffic } from "../garbage.ts";
import { withTimer } from "../process/capture.ts";
import { closeQuietly } from "../unix_socket.ts";
import type { CommandConnection } from "./listener.ts";
import { RequestScanner } from "./request_scanner.ts";

/** The most bytes of a request, and of an answer. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

const FIRST_BUFFER_BYTES = 512;
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
  /** The answer's text, or `undefined` where nobody is there to read one. */
  readonly answer: (received: Received) => Promise<string | undefined>;
}

const encoder = new TextEncoder();
/** What is thrown away goes here, whoever sent it. */
const scratch = new Uint8Array(4096);

/** Serves one client and closes its connection; never throws. */
export async function exchange(
  connection: CommandConnection,
  { timeoutMs, answer }: ExchangeOptions,
): Promise<void> {
  try {
    const receiving = receive(connection);
    let received: Received = { kind: "late" };
    await withTimer(timeoutMs, receiving.then((outcome) => received = outcome));
    const text = await answer(received);
    if (text === undefined) return;
    let hasLeft = false;
    await withTimer(timeoutMs, writeAll(connection, text).then(() => hasLeft = true));
    if (!hasLeft) return;
    // Closing upon what has not been read would take the answer away from the client.
    await connection.closeWrite();
    await withTimer(LINGER_MS, receiving.then(() => discardRest(connection)));
  } catch {
    // The client is gone, which is its own affair.
  } finally {
    closeQuietly(connection);
  }
}

async function receive(connection: CommandConnection): Promise<Received> {
  const scanner = new RequestScanner();
  let buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  let filled = 0;
  while (filled < MAX_MESSAGE_BYTES) {
    if (filled === buffer.byteLength) {
      const grown = new Uint8Array(Math.min(filled * 2, MAX_MESSAGE_BYTES));
      grown.set(buffer);
      buffer = grown;
      countTraffic(grown.byteLength);
    }
    const read = await readOrEnd(connection, buffer.subarray(filled));
    if (read === null) {
      return filled === 0
        ? { kind: "nothing" }
        : { kind: "bad", reason: "the connection ended within the request" };
    }
    const scanned = scanner.scan(buffer, filled, filled + read);
    filled += read;
    if (scanned === "no object") return { kind: "bad", reason: 'a request begins with "{"' };
    if (scanned !== "unfinished") {
      return { kind: "request", bytes: buffer.subarray(0, scanned.end) };
    }
  }
  return { kind: "bad", reason: `the request is over ${MAX_MESSAGE_BYTES} bytes` };
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
