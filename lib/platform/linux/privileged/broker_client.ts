/**
 * The agent's side of the broker: a connection for each operation.
 *
 * @module
 */

import { commandFailed, RpcError } from "../../../base/errors.ts";
import { closeQuietly } from "../../../base/close_quietly.ts";
import { messageOf } from "../../../base/message_of.ts";
import { Aborted, withTimer } from "../../../base/waiting.ts";
import type { Privileged } from "../../../guest/privileged.ts";
import { LineReader } from "../../../privileged/line_reader.ts";
import {
  type BrokerAnswer,
  errorFrom,
  lineOf,
  MAX_MESSAGE_BYTES,
  parseAnswer,
} from "../../../privileged/messages.ts";
import { socketErrorReason } from "../unix_socket.ts";

/** The socket of the package's unit. */
export const BROKER_SOCKET = "/run/kvmmanager-agent-privileged.sock";

/** A child that has answered is about to end. */
const END_MS = 1000;

/** A connection to a broker of its own. */
export interface BrokerLink {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  /** Closes it; resolves once the broker has ended, as far as that can be seen, or soon after. */
  close(): Promise<void>;
}

/** Starts a broker. @throws {RpcError} if that fails. */
export type OpenBroker = () => Promise<BrokerLink>;

/** Connects to the socket at which the service manager starts brokers. */
export const brokerSocket = (path: string): OpenBroker => async () => {
  let connection: Deno.UnixConn;
  try {
    connection = await Deno.connect({ transport: "unix", path });
  } catch (error) {
    throw commandFailed(`the broker cannot be reached: ${explainConnect(path, error)}`);
  }
  return {
    read: (buffer) => connection.read(buffer),
    write: (bytes) => connection.write(bytes),
    close: () => Promise.resolve(closeQuietly(connection)),
  };
};

function explainConnect(path: string, error: unknown): string {
  const remedy = "start kvmmanager-agent-privileged.socket";
  if (error instanceof Deno.errors.NotFound) return `${path} does not exist; ${remedy}`;
  if (error instanceof Deno.errors.ConnectionRefused) {
    return `no process serves ${path}; ${remedy}`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `${path}: permission denied; it must belong to the agent's user`;
  }
  return `${path}: ${socketErrorReason(error, path)}`;
}

/**
 * Starts a broker as a child, for an agent that is root itself.
 *
 * @param command The program and its arguments.
 */
export const brokerChild = ([program = "", ...args]: readonly string[]): OpenBroker => () => {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
      // What ends the agent must not end a broker that keeps file systems frozen.
      detached: true,
    }).spawn();
  } catch (error) {
    return Promise.reject(commandFailed(`the broker cannot be started: ${messageOf(error)}`));
  }
  const reader = child.stdout.getReader({ mode: "byob" });
  const writer = child.stdin.getWriter();
  return Promise.resolve({
    read: async (buffer) => {
      const { value } = await reader.read(new Uint8Array(buffer.byteLength));
      if (value === undefined || value.byteLength === 0) return null;
      buffer.set(value);
      return value.byteLength;
    },
    write: async (bytes) => {
      await writer.write(bytes);
      return bytes.byteLength;
    },
    close: async () => {
      await Promise.allSettled([writer.close(), reader.cancel()]);
      await withTimer(END_MS, child.status);
    },
  });
};

/** Has operations performed by brokers. */
export class BrokerClient implements Privileged {
  readonly unavailable = undefined;
  readonly #open: OpenBroker;
  readonly isFrozen = false;

  constructor(open: OpenBroker) {
    this.#open = open;
  }

  onFreeze(_listener: (isFrozen: boolean) => void): void {}

  async perform(operation: string, params: unknown, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    const link = await this.#open();
    const lines = new LineReader(link, MAX_MESSAGE_BYTES);
    const aborted = new Aborted(signal);
    using _aborted = aborted;
    try {
      return await Promise.race([
        aborted.happened.then(() => Promise.reject(signal.reason)),
        ask(link, lines, operation, params),
      ]);
    } finally {
      await link.close();
    }
  }
}

/** Sends a request and waits for its result. */
async function ask(
  link: BrokerLink,
  lines: LineReader,
  operation: string,
  params: unknown,
): Promise<unknown> {
  const bytes = lineOf({ operation, params, sent_at_ms: Date.now() });
  if (bytes.byteLength > MAX_MESSAGE_BYTES) {
    throw commandFailed(`the broker takes requests up to ${MAX_MESSAGE_BYTES} bytes`);
  }
  let answer: BrokerAnswer | undefined;
  try {
    await sendAll(link, bytes);
    const line = await lines.next();
    if (line === undefined) {
      throw commandFailed(`the broker ended without an answer to ${operation}; see its log`);
    }
    answer = parseAnswer(line);
  } catch (error) {
    if (error instanceof RpcError) throw error;
    throw commandFailed(`the connection to the broker failed: ${messageOf(error)}`);
  }
  if (answer !== undefined && "result" in answer) return answer.result;
  if (answer !== undefined && "error" in answer) throw errorFrom(answer.error);
  throw commandFailed(`the broker's answer to ${operation} makes no sense`);
}

/** A broker that has already ended may still have answered. */
async function sendAll(link: BrokerLink, bytes: Uint8Array): Promise<void> {
  try {
    for (let sent = 0; sent < bytes.byteLength;) sent += await link.write(bytes.subarray(sent));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
