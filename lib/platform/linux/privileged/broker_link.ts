/**
 * How the agent reaches a broker: through a socket, or as a child.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { closeQuietly } from "../../../base/close_quietly.ts";
import { messageOf } from "../../../base/message_of.ts";
import { withTimer } from "../../../base/waiting.ts";
import { socketErrorReason } from "../unix_socket.ts";

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
