/**
 * Handles one client: receives a request and sends the answer.
 *
 * @module
 */

import { closeQuietly } from "../base/close_quietly.ts";
import { collectIfDue, countGarbage, countLasting } from "../base/memory/garbage.ts";
import { withTimer } from "../base/waiting.ts";
import type { CommandConnection } from "./listener.ts";
import { readOrEnd, type Received, Reception } from "./reception.ts";
import type { RequestMemory } from "./request_memory.ts";
import { writeAll } from "../base/write_all.ts";

/**
 * Bytes of garbage that a client leaves besides its request (measured): with half of it a flood of
 * clients peaked 2 MB higher, and was served no faster.
 */
const GARBAGE_BYTES = 8192;
/** Beside more clients than this, what one leaves is old when it becomes garbage … */
const FEW_CLIENTS = 8;
/** … and so are its promises, which no minor collection has freed. */
const GARBAGE_BYTES_AMONG_MANY = 24 * 1024;
/** How long a client that has its answer may continue to send … */
const LINGER_MS = 500;
/** … and how long it may be silent. Some clients never close their end. */
const QUIET_MS = 50;

/** Options of an exchange. */
export interface ExchangeOptions {
  /** Milliseconds for the whole request to arrive, and again for the answer to be read. */
  readonly timeoutMs: number;
  /** Shared by all clients of a server. */
  readonly memory: RequestMemory;
  /** Makes the answer's text. */
  readonly answer: (received: Received) => Promise<string>;
}

const encoder = new TextEncoder();
/** Data to be discarded is read into this one buffer. */
const scratch = new Uint8Array(4096);
/** Clients that are being served. */
let clients = 0;

/** Serves one client and closes its connection; never throws. */
export async function exchange(
  connection: CommandConnection,
  options: ExchangeOptions,
): Promise<void> {
  const { timeoutMs, memory } = options;
  const reception = new Reception(connection, memory);
  clients += 1;
  try {
    const text = await answerTo(reception, options);
    let hasLeft = false;
    await withTimer(timeoutMs, sendText(connection, text).then(() => hasLeft = true));
    if (!hasLeft) return;
    collectIfDue();
    // Closing with unread input would reset the connection, and the client would lose its answer.
    await connection.closeWrite();
    await withTimer(LINGER_MS, reception.ended);
    await discardRest(connection);
  } catch {
    // The client is gone.
  } finally {
    closeQuietly(connection);
    await reception.finish();
    countGarbage(clients > FEW_CLIENTS ? GARBAGE_BYTES_AMONG_MANY : GARBAGE_BYTES);
    clients -= 1;
    countLasting();
    collectIfDue();
  }
}

/** A separate function, so that the request can be freed while the client reads the answer. */
async function answerTo(
  reception: Reception,
  { timeoutMs, answer }: ExchangeOptions,
): Promise<string> {
  let received: Received = { kind: "late" };
  await withTimer(timeoutMs, reception.ended.then((outcome) => received = outcome));
  const text = await answer(received);
  // A late request is still being received, into its memory, until the connection is closed.
  if (received.kind !== "late") await reception.finish();
  return text;
}

async function sendText(connection: CommandConnection, text: string): Promise<void> {
  const bytes = encoder.encode(text);
  countGarbage(bytes.byteLength);
  await writeAll(connection, bytes);
}

async function discardRest(connection: CommandConnection): Promise<void> {
  const deadline = performance.now() + LINGER_MS;
  for (let isSending = true; isSending && performance.now() < deadline;) {
    isSending = false;
    const reading = readOrEnd(connection, scratch).then((read) => isSending = read !== null);
    await withTimer(QUIET_MS, reading);
  }
}
