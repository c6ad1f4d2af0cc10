/**
 * Sends a command to the running agent, as any other program would.
 *
 * @module
 */

import { closeQuietly } from "../../base/close_quietly.ts";
import type { CommandAnswer } from "../../monitor/answer.ts";
import { askMonitor, noConnection } from "../ask_monitor.ts";
import { socketErrorReason } from "./unix_socket.ts";

/** Options for sending a command. */
export interface SendOptions {
  /** Milliseconds for the whole exchange. @default {60000} */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
/**
 * Sends one command and returns its answer. If the connection fails, it returns an answer with
 * status 103 and a `Reason`, like other clients of the protocol.
 *
 * @param path The monitor's unix socket.
 * @param request An object with a `Name` and the command's other members.
 */
export async function sendCommand(
  path: string,
  request: Readonly<Record<string, unknown>>,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: SendOptions = {},
): Promise<CommandAnswer> {
  let connection: Deno.UnixConn;
  try {
    connection = await Deno.connect({ transport: "unix", path });
  } catch (error) {
    return noConnection(explainConnect(path, error));
  }
  try {
    return await askMonitor(connection, request, {
      timeoutMs,
      explain: (error) => socketErrorReason(error, path),
    });
  } finally {
    closeQuietly(connection);
  }
}

function explainConnect(path: string, error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return `${path}: the socket does not exist`;
  if (error instanceof Deno.errors.ConnectionRefused) {
    return `${path}: no process serves this socket`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `${path}: permission denied; command_monitor.pipe_group says who may connect`;
  }
  return `${path}: ${socketErrorReason(error, path)}`;
}
